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
    "intake": "intake",
    "approval": "approval",
    "provisioning": "provisioning",
    "notification": "notification",
    "records": "records",
    "statistics": "records.statistics",
}


class Loader(yaml.SafeLoader):
    """Knows `!reset`, by which compose takes away what another file says."""


Loader.add_constructor("!reset", lambda *_: None)
ADDED = yaml.load(GIVEN.sub(r"https://\1.example", TEXT), Loader)["services"]


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

    settings = importlib.import_module(f"services.{OF_BMT[name]}.settings").Settings()
    assert list(settings.not_encrypted()) == []


def test_nothing_of_an_evaluation_runs_and_nothing_waits_for_it():
    stay = {name for name, container in ADDED.items() if "profiles" not in container}
    assert stay == {*OF_BMT, "pruner", "reconciliation"}
    assert CONTAINERS.keys() - ADDED.keys() == {"prometheus", "grafana"}
    assert all(ADDED[name]["depends_on"] is None for name in stay)
