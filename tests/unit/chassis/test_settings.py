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


def test_one_prefix_separates_the_databases_of_two_systems(environment):
    environment.setenv("BMT_DATABASE_PREFIX", "trial_")
    settings = load(ParcelSettings)
    assert (settings.database, settings.documents_database) == ("trial_parcels", "trial_documents")


def test_an_empty_variable_counts_as_not_set(environment):
    environment.setenv("BMT_KAFKA_SASL_MECHANISM", "")
    environment.setenv("BMT_DATABASE_PREFIX", "")
    assert load(ParcelSettings).database == "bmt_parcels"


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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(({name: None}, f"{name} is missing: ") for name in NEEDED),
        *(
            (SASL | {name: None}, f"{name} is missing: ")
            for name in ("BMT_KAFKA_SASL_MECHANISM", "BMT_KAFKA_USERNAME")
        ),
        ({"BMT_PORT": "http"}, "BMT_PORT is wrong: "),
        ({"BMT_PORT": "70000"}, "BMT_PORT is wrong: "),
        ({"BMT_ISSUER": "issuer"}, "BMT_ISSUER is wrong: "),
        ({"BMT_LOG_LEVEL": "loud"}, "BMT_LOG_LEVEL is wrong: "),
        ({"BMT_LOG_FORMAT": "xml"}, "BMT_LOG_FORMAT is wrong: "),
        ({"BMT_OTLP_ENDPOINT": "collector:4317"}, "BMT_OTLP_ENDPOINT is wrong: "),
        ({"BMT_OTLP_ENDPOINT": "https://a:b@collector"}, "BMT_OTLP_ENDPOINT is wrong: "),
        ({"BMT_CARRIERS": "{not json"}, "BMT_CARRIERS is wrong: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_variable_that_is_missing_or_wrong_is_named_in_one_line(
    environment, capsys, changes, says
):
    for name, value in changes.items():
        environment.setenv(name, value or "")
    with pytest.raises(SystemExit) as stopped:
        load(ParcelSettings)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(says)
