"""What cannot run says so in one line, with what to do about it."""

import platform
import subprocess

import pytest

from evaluation import machine
from evaluation.supervisor import PartMissing


def test_another_platform_is_sent_to_the_compose_file(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")

    with pytest.raises(PartMissing, match="this is Darwin arm64: use the compose file"):
        machine.refuse_unfit()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object",
            "libcurl.so.4 is missing: install libcurl4",
        ),
        (
            "mongod: error while loading shared libraries: libx.so.1: cannot open shared object",
            "libx.so.1 is missing: install the package that has libx.so.1",
        ),
        ("first\nIllegal instruction", "does not run here: Illegal instruction"),
        ("", "it said nothing"),
    ],
)
def test_a_binary_that_does_not_run_is_explained(monkeypatch, said, advice):
    def failing(command, **_):
        return subprocess.CompletedProcess(command, 127, stdout="", stderr=said)

    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(subprocess, "run", failing)

    with pytest.raises(PartMissing, match=advice) as refused:
        machine.refuse_unfit()

    assert "\n" not in str(refused.value)
