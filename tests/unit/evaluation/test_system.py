"""What a system keeps and tells its services: passwords of their own, ports that follow one base, keys that stay."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation import services
from evaluation.layout import Layout, ledger_keys, passwords, pem
from evaluation.ports import OFFSETS, Ports
from evaluation.services import System


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


@pytest.fixture
def system(tmp_path):
    layout = Layout.at(tmp_path)
    layout.make()
    return System(layout, Ports(9000))


def test_each_service_comes_in_as_itself_with_passwords_of_its_own(system):
    told = {name: services.environment(system, name) for name in services.SERVICES}

    assert {name: each["BMT_KAFKA_USERNAME"] for name, each in told.items()} == {
        name: name for name in services.SERVICES
    }
    assert len({each["BMT_KAFKA_PASSWORD"] for each in told.values()}) == len(told)
    assert len({each["BMT_MONGODB_URI"] for each in told.values()}) == len(told)
    assert [each["BMT_PORT"] for each in told.values()] == ["9001", "9002", "9003", "9004", "9005"]


def test_intake_knows_for_whom_an_integrator_speaks(system):
    told = services.environment(system, "intake")

    assert json.loads(told["BMT_INTEGRATORS"]) == {"hrmis": ["MAMPU"]}


def test_no_password_is_on_a_command_line(system):
    secrets = json.loads(system.layout.passwords_file.read_text()).values()
    programs = [*system.programs(), *services.programs(system)]

    for program in programs:
        assert not any(secret in " ".join(program.command) for secret in secrets), program.name
