"""Prometheus' files: valid, every alert tried both ways and explained to the operator."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from fixtures.prometheus import program

from evaluation.ports import Ports

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
SEVERITIES = {"critical", "warning"}
SERVICES = ("intake", "approval", "provisioning", "notification", "records", "statistics")


def rules(file: str) -> list[dict]:
    groups = yaml.safe_load((FOLDER / "rules" / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {alert["alert"]: alert for alert in rules("alerts.yml")}


def promtool(*arguments: str) -> None:
    command = [program("promtool"), *arguments]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
@pytest.mark.parametrize("file", ["prometheus.yml", "embedded.yml"])
def test_prometheus_accepts_its_configuration_and_rules(file):
    promtool("check", "config", file)


@pytest.mark.prometheus
def test_alerts_fire_and_do_not_fire_as_specified():
    promtool("test", "rules", *map(str, sorted(FOLDER.glob("rules/*_test.yml"))))


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_specified_both_ways(name):
    tests = yaml.safe_load((FOLDER / "rules" / "alerts_test.yml").read_text())["tests"]
    fires = {
        bool(case["exp_alerts"])
        for test in tests
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    }
    assert fires == {True, False}


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_patience_a_severity_a_summary_and_a_runbook(name):
    alert = ALERTS[name]
    file, _, anchor = alert["annotations"]["runbook"].partition("#")

    assert re.fullmatch(r"\d+[smh]", alert["for"])
    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"]["summary"]
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_every_recorded_series_has_a_test():
    tested = (FOLDER / "rules" / "recording_test.yml").read_text()
    assert not [rule["record"] for rule in rules("recording.yml") if rule["record"] not in tested]


def test_the_embedded_system_is_scraped_where_it_listens():
    targets = json.loads((FOLDER / "targets" / "embedded.json").read_text())
    found = {target["labels"]["service"]: target["targets"] for target in targets}
    scraped = (*SERVICES, "web", "reconciliation")
    assert found == {name: [f"127.0.0.1:{Ports()[name]}"] for name in scraped}
