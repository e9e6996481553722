"""Ports that are chosen belong to the process that chose them, whether or not anybody listens there yet."""

import subprocess
import sys

import pytest

from evaluation import ports
from evaluation.supervisor import PartMissing

CHOICE = (
    "from evaluation import ports; print(ports.any_free_port() if ports._claim({}) else 'taken')"
)


def test_a_port_is_given_once(monkeypatch, tmp_path):
    three = range(61_900, 61_903)
    monkeypatch.setattr(ports, "_BEYOND_THE_KERNELS", three)
    # Whatever other processes have at this moment.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "is_free", lambda _: True)

    given = {ports.any_free_port() for _ in three}

    assert given == set(three)
    with pytest.raises(PartMissing, match="no free port from 61900 to 61903"):
        ports.any_free_port()


def test_no_other_process_is_given_it():
    port = ports.any_free_port()
    command = [sys.executable, "-c", CHOICE.format(port)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout == "taken\n"
