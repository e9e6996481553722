"""Dashboard, rules and alerts ask only for what the processes really export."""

import json
import runpy
from importlib import import_module

import pytest
import yaml
from fixtures.compose import ROOT, SERVICES, environment, make_secrets
from prometheus_client import CollectorRegistry
from promql import grouping_labels, selectors

from bmt.chassis.runtime import service
from bmt.cli import status

DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "bmt.json"
OF_A_TARGET = {"job", "instance", "service"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def rules():
    for file in ("recording.yml", "alerts.yml"):
        groups = yaml.safe_load((DEPLOY / "prometheus" / "rules" / file).read_text())["groups"]
        yield from (rule for group in groups for rule in group["rules"])


def panels():
    return json.loads(DASHBOARD.read_text())["panels"]


RECORDED = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
ASKED = sorted(
    {rule["expr"] for rule in rules()}
    | {target["expr"] for panel in panels() for target in panel.get("targets", ())}
)


def registry_of(name, secrets, monkeypatch) -> CollectorRegistry:
    """What `name` registers when it is put together with compose's settings; nothing connects."""
    made = []

    def kept(new=service.new_registry):
        made.append(new())
        return made[-1]

    for key, value in environment(name, secrets).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("BMT_AGENCIES_FILE", str(DEPLOY / "embedded" / "agencies.yaml"))
    monkeypatch.setattr(service, "new_registry", kept)
    settings = import_module(f"services.{name}.settings").Settings
    import_module(f"services.{name}.main").build(settings())
    return made[0]


def exported(registry):
    """Each series' name with its labels."""
    for collector in registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for family in collector.describe() if hasattr(collector, "describe") else ():
            own = labels | ({"le"} if family.type == "histogram" else set())
            yield from ((family.name + end, own) for end in SUFFIXES.get(family.type, ()))


@pytest.fixture
async def measured(tmp_path, monkeypatch) -> dict[str, set[str]]:
    """Every series that may be asked for, with the labels that it may be asked by."""
    from services.records.statistics.figures import Figures

    found, secrets = {"up": set(OF_A_TARGET)}, make_secrets(tmp_path / "secrets")
    for name in SERVICES:
        with monkeypatch.context() as patched:
            for series, labels in exported(registry_of(name, secrets, patched)):
                found.setdefault(series, set(OF_A_TARGET)).update(labels)
    compared = CollectorRegistry()
    status.Figures(compared)
    for series, labels in exported(compared):
        found[series] = {*OF_A_TARGET, *labels}
    (turnaround,) = Figures().collect()
    found[f"{turnaround.name}_count"] = {*OF_A_TARGET, *turnaround._labelnames}
    found[f"{turnaround.name}_bucket"] = {*OF_A_TARGET, *turnaround._labelnames, "le"}
    for series, expression in RECORDED.items():
        found[series] = grouping_labels(expression)
    return found


async def test_every_query_asks_for_series_and_labels_that_there_are(measured):
    for expression in ASKED:
        known = set()
        for selector in selectors(expression):
            assert selector.metric in measured, f"{selector.metric} in {expression}"
            assert selector.labels <= measured[selector.metric], expression
            known |= measured[selector.metric]
        assert grouping_labels(expression) <= known, expression


async def test_every_figure_of_the_contract_is_exported(measured):
    contract = {
        "bmt_events_handled_total": {"service", "type", "outcome"},
        "bmt_commands_total": {"service", "command", "outcome"},
        "bmt_append_seconds_bucket": {"le"},
        "bmt_append_batch_size_bucket": {"le"},
        "bmt_outbox_pending": {"service"},
        "bmt_outbox_oldest_seconds": {"service"},
        "bmt_parked_events": {"service"},
        "bmt_dead_letters_open": {"service"},
        "bmt_dead_letters_oldest_timestamp_seconds": {"service"},
        "bmt_requests": {"agency", "status"},
        "bmt_step_seconds_bucket": {"step", "agency", "le"},
        "bmt_charter_overdue_requests": {"agency", "step"},
        "bmt_connector_calls_total": {"connector", "operation", "outcome"},
        "bmt_connector_breaker_open": {"connector"},
        "bmt_ledger_leaves": set(),
        "bmt_checkpoint_age_seconds": set(),
        "kafka_consumergroup_lag": {"consumergroup", "topic", "partition"},
    }
    wrong = {
        series: measured.get(series)
        for series, labels in contract.items()
        if measured.get(series, set()) - OF_A_TARGET != labels - OF_A_TARGET
        or series not in measured
    }
    assert wrong == {}


def test_the_dashboard_is_what_its_table_says():
    written = runpy.run_path(str(DEPLOY / "grafana" / "dashboard.py"))["text"]()
    assert written == DASHBOARD.read_text(), "run python deploy/grafana/dashboard.py"


def test_every_panel_asks_the_provisioned_data_source():
    file = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    asked = {json.dumps(panel["datasource"]) for panel in panels() if panel["type"] != "row"}
    assert asked == {json.dumps({"type": source["type"], "uid": source["uid"]})}
