"""Settings come from the environment, and a wrong one is named."""

from typing import ClassVar

import pytest
from pydantic import Field

from bmt.chassis.runtime.settings import ServiceSettings, load

NEEDED = {
    "BMT_PORT": "8101",
    "BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:8120",
    "BMT_MONGODB_URI": "mongodb://parcels:hunter2@127.0.0.1:8121/?replicaSet=bmt",
    "BMT_ISSUER": "http://127.0.0.1:8100",
    "BMT_AGENCIES_FILE": "agencies.yaml",
}
SASL = {
    "BMT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "BMT_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "BMT_KAFKA_USERNAME": "parcels",
    "BMT_KAFKA_PASSWORD": "hunter3",
}


class ParcelSettings(ServiceSettings):
    service: ClassVar[str] = "parcels"

    carriers: dict[str, list[str]] = Field(default={})


@pytest.fixture
def environment(monkeypatch):
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_what_is_not_set_has_a_default(environment):
    settings = load(ParcelSettings)
    assert settings.database == "bmt_parcels"
    assert (settings.host, settings.audience, settings.topic_prefix) == ("127.0.0.1", "bmt-api", "")


def test_one_prefix_separates_the_databases_of_two_systems(environment):
    environment.setenv("BMT_DATABASE_PREFIX", "trial_")
    settings = load(ParcelSettings)
    assert (settings.database, settings.documents_database) == ("trial_parcels", "trial_documents")


def test_an_empty_variable_counts_as_not_set(environment):
    environment.setenv("BMT_KAFKA_SASL_MECHANISM", "")
    environment.setenv("BMT_DATABASE_PREFIX", "")
    assert load(ParcelSettings).database == "bmt_parcels"


@pytest.mark.parametrize("name", NEEDED)
def test_each_missing_variable_is_named(environment, capsys, name):
    environment.delenv(name)
    with pytest.raises(SystemExit) as stopped:
        load(ParcelSettings)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name} is missing: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BMT_PORT", "http"),
        ("BMT_PORT", "70000"),
        ("BMT_ISSUER", "issuer"),
        ("BMT_LOG_LEVEL", "loud"),
        ("BMT_CARRIERS", "{not json"),
    ],
)
def test_each_wrong_variable_is_named(environment, capsys, name, value):
    environment.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load(ParcelSettings)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name} is wrong: ")


@pytest.mark.parametrize("name", ["BMT_KAFKA_SASL_MECHANISM", "BMT_KAFKA_USERNAME"])
def test_sasl_needs_credentials(environment, capsys, name):
    for variable, value in SASL.items():
        environment.setenv(variable, value)
    environment.delenv(name)
    with pytest.raises(SystemExit):
        load(ParcelSettings)
    assert capsys.readouterr().err.startswith(f"{name} is missing: ")


def test_kafka_clients_get_credentials_only_where_there_are_some(environment):
    assert set(load(ParcelSettings).kafka_client_options()) == {
        "bootstrap_servers",
        "client_id",
        "security_protocol",
    }
    for variable, value in SASL.items():
        environment.setenv(variable, value)
    options = load(ParcelSettings).kafka_client_options()
    assert options["sasl_plain_username"] == "parcels"
    assert options["sasl_plain_password"] == "hunter3"


def test_secrets_are_not_shown(environment):
    environment.setenv("BMT_KAFKA_PASSWORD", "hunter3")
    assert "hunter" not in repr(load(ParcelSettings))


def test_settings_do_not_change(environment):
    with pytest.raises(ValueError, match="frozen"):
        load(ParcelSettings).port = 1
