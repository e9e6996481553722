"""deploy/compose/production.yaml over compose.yaml: encrypted, whatever leaves the machine, and nothing of an evaluation."""

import importlib
import re

import pytest
import yaml
from fixtures.certificates import Authority
from fixtures.compose import CONTAINERS, FOLDER, environment, make_secrets

TEXT = (FOLDER / "production.yaml").read_text()
GIVEN = re.compile(r"\$\{(\w+):\?[^}]*\}")
OF_BMT = {
    "intake": "services.intake",
    "approval": "services.approval",
    "provisioning": "services.provisioning",
    "notification": "services.notification",
    "records": "services.records",
    "statistics": "services.records.statistics",
    "web": "web",
}


def _given(variable):
    return "X-Forwarded-For" if variable.endswith("_HEADER") else f"https://{variable}.example"


class Loader(yaml.SafeLoader):
    """Knows `!reset`, by which compose takes away what another file says."""


Loader.add_constructor("!reset", lambda *_: None)
ADDED = yaml.load(GIVEN.sub(lambda found: _given(found[1]), TEXT), Loader)["services"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    return make_secrets(folder / "secrets"), Authority(folder, "authorities").file


@pytest.mark.parametrize("name", OF_BMT)
def test_a_process_talks_to_nobody_in_the_open(name, files, monkeypatch):
    secrets, authorities = files
    told = environment(name, secrets) | ADDED[name]["environment"]
    monkeypatch.delenv("BMT_ALLOW_HTTP")
    for key, value in told.items():
        if key.startswith("BMT_"):
            monkeypatch.setenv(key, value.replace("/etc/bmt/authorities.pem", str(authorities)))

    settings = importlib.import_module(f"{OF_BMT[name]}.settings").Settings()
    assert list(settings.not_encrypted()) == []


def test_a_gateway_ends_https_and_must_be_asked_for_the_clients_address():
    """Else all people are one client, and anybody's wrong codes at /status/ lock out everybody."""
    wanted = GIVEN.findall(TEXT)
    assert "BMT_CLIENT_ADDRESS_HEADER" in wanted
    serving = set(OF_BMT) - {"statistics"}
    assert all("BMT_CLIENT_ADDRESS_HEADER" in ADDED[name]["environment"] for name in serving)
    assert all("BMT_TRUSTED_PROXIES" in environment(name) for name in serving)


def test_nothing_of_an_evaluation_runs_and_nothing_waits_for_it():
    stay = {name for name, container in ADDED.items() if "profiles" not in container}
    assert stay == {*OF_BMT, "pruner", "reconciliation"}
    assert CONTAINERS.keys() - ADDED.keys() == {"prometheus", "grafana"}
    assert all(ADDED[name]["depends_on"] is None for name in stay)
