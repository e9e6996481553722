"""What a data directory keeps: one supervisor, passwords that stay, ports that follow one base."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.layout import ledger_keys, passwords, pem
from evaluation.ports import OFFSETS, Ports


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


def test_the_ledgers_public_keys_stay_when_a_private_one_is_changed(tmp_path):
    keys, public = tmp_path / "keys.pem", tmp_path / "ledger.vkeys"
    ledger_keys(keys, public)
    (first,) = public.read_text().splitlines()

    keys.write_text(keys.read_text() + pem(Ed25519PrivateKey.generate()))
    ledger_keys(keys, public)
    both = public.read_text().splitlines()
    keys.write_text(keys.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    ledger_keys(keys, public)

    assert (both[0], len(both)) == (first, 2)
    assert public.read_text().splitlines() == both
