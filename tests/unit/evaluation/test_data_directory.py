"""What a data directory keeps: one supervisor, passwords that stay, ports that follow one base."""

import json

from evaluation.ports import OFFSETS, Ports
from evaluation.secrets import passwords


def test_passwords_are_made_once_and_for_their_owner_alone(tmp_path):
    file = tmp_path / "passwords.json"

    first = passwords(file, ["admin", "intake"])
    second = passwords(file, ["admin", "intake", "later"])

    assert first["admin"] != first["intake"]
    assert first.items() <= second.items()
    assert json.loads(file.read_text()) == second
    assert file.stat().st_mode & 0o077 == 0


def test_all_ports_follow_from_the_base_and_none_twice():
    ports = Ports(9000)

    assert (ports["issuer"], ports["intake"], ports["kafka"], ports["storage"]) == (
        9000,
        9001,
        9020,
        9040,
    )
    assert len(set(OFFSETS.values())) == len(OFFSETS)
    assert ports.url("records") == "http://127.0.0.1:9005"
