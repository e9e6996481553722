"""What `bmt up` tells each service."""

import json

import pytest

from evaluation import services
from evaluation.layout import Layout
from evaluation.ports import Ports
from evaluation.services import System


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
