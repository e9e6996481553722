"""Writes dashboards/bmt.json, the dashboard "BMT: requests and health", from the table below.

`python deploy/grafana/dashboard.py`, after a change; a test compares the two.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "dashboards" / "bmt.json"
DATASOURCE: Final = {"type": "prometheus", "uid": "bmt-prometheus"}
ACROSS: Final = 24
HEIGHT: Final = 8
OF_AGENCY: Final = '{agency=~"$agency"}'


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: of the panel.
        queries: legend → PromQL.
        unit: Grafana's name of it.
        kind: of Grafana's visualizations.
        about: what a reader should know, shown on demand.
        stacked: draw the series on top of each other.
    """

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    about: str = ""
    stacked: bool = False


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Requests": (
        Panel(
            "Requests by status and agency",
            {"{{agency}} {{status}}": f"max by (agency, status) (bmt_requests{OF_AGENCY}) > 0"},
            kind="bargauge",
        ),
        Panel(
            "Open requests by status",
            {
                "{{status}}": "sum by (status) (max by (agency, status) "
                '(bmt_requests{agency=~"$agency", status!~"filed|rejected|withdrawn"}))'
            },
            stacked=True,
        ),
        Panel(
            "Past the charter's day",
            {
                "{{agency}} {{step}}": "max by (agency, step) "
                f"(bmt_charter_overdue_requests{OF_AGENCY})"
            },
            about="Working days of the agency's state; alert BmtOverdueRequests.",
        ),
        Panel(
            "Grants to be confirmed",
            {
                "{{agency}} {{status}}": "max by (agency, status) "
                '(bmt_grant_confirmations{agency=~"$agency", status=~"due|overdue"})'
            },
            about="By the agencies' rules; alert BmtConfirmationsOverdue.",
        ),
    ),
    "Turnaround": tuple(
        Panel(
            f"Step turnaround, {name}",
            {
                "{{agency}} {{step}}": f"histogram_quantile({quantile}, sum by (agency, step, le) "
                f"(bmt_step_seconds_bucket{OF_AGENCY}))"
            },
            unit="s",
            about="Of all requests that the statistics know; nights and holidays count.",
        )
        for name, quantile in (("half of the requests (p50)", 0.5), ("19 of 20 (p95)", 0.95))
    ),
    "Objectives": (
        Panel(
            "Submissions that failed or took over a second",
            {
                "of an hour": "objective:bmt_submissions_bad:ratio_rate1h or vector(0)",
                "of three days": "objective:bmt_submissions_bad:ratio_rate3d or vector(0)",
            },
            unit="percentunit",
            about="At most 0.1 % of a month; alert BmtSubmissionsSlow.",
        ),
        Panel(
            "Outcomes told after more than an hour",
            {
                "of an hour": "objective:bmt_notices_bad:ratio_rate1h or vector(0)",
                "of three days": "objective:bmt_notices_bad:ratio_rate3d or vector(0)",
            },
            unit="percentunit",
            about="At most 1 % of a month; alert BmtNoticesSlow.",
        ),
        Panel(
            "Charter's promises not kept, 30 days",
            {"{{agency}} {{step}}": f"agency_step:bmt_charter_bad:ratio{OF_AGENCY}"},
            unit="percentunit",
            about="At most 5 %; alert BmtCharterMissed.",
        ),
        Panel(
            "Answers (p95)",
            {
                "{{service}} {{kind}}": "histogram_quantile(0.95, sum by (service, kind, le) "
                "(rate(bmt_http_request_seconds_bucket[5m])))"
            },
            unit="s",
        ),
    ),
    "Work done": (
        Panel(
            "Events heard, by outcome",
            {"{{service}} {{outcome}}": "service_outcome:bmt_events_handled:rate5m"},
            unit="cps",
        ),
        Panel(
            "Commands, by outcome",
            {"{{service}} {{outcome}}": "service_outcome:bmt_commands:rate5m"},
            unit="cps",
        ),
        Panel(
            "One write (p95)",
            {"{{service}}": "service:bmt_append_seconds:p95_5m"},
            unit="s",
            about="Until the commits are on the majority's disks.",
        ),
        Panel(
            "Commits in one write (mean)",
            {"{{service}}": "service:bmt_append_batch_size:mean5m"},
            about="Grows with load: commits that arrive during a write leave together.",
        ),
    ),
    "Waiting": (
        Panel(
            "Outbox: oldest event",
            {"{{service}}": "max by (service) (bmt_outbox_oldest_seconds)"},
            unit="s",
            about="Stored, and not yet on its topic; alert BmtOutboxStuck.",
        ),
        Panel(
            "Outbox: events", {"{{service}}": "max by (service) (bmt_outbox_pending)"}, stacked=True
        ),
        Panel(
            "Parked events",
            {"{{service}}": "max by (service) (bmt_parked_events)"},
            about="`bmt parked list` says which and why; alert BmtEventsParked.",
        ),
        Panel(
            "Consumer lag",
            {"{{consumergroup}} {{topic}}": "consumergroup_topic:kafka_consumergroup_lag:sum"},
            about="Records that a service has not handled yet; alert BmtConsumerLag.",
        ),
    ),
    "Targets and the record": (
        Panel(
            "Connector calls, by outcome",
            {
                "{{connector}} {{operation}} {{outcome}}": "sum by (connector, operation, outcome) "
                "(rate(bmt_connector_calls_total[5m]))"
            },
            unit="cps",
        ),
        Panel(
            "Breaker open",
            {"{{connector}}": "max by (connector) (bmt_connector_breaker_open)"},
            about="1: the target is away and its work waits; alert BmtBreakerOpen.",
        ),
        Panel("Leaves of the ledger", {"leaves": "max(bmt_ledger_leaves)"}),
        Panel(
            "Age of the newest checkpoint",
            {"age": "min(bmt_checkpoint_age_seconds)"},
            unit="s",
            about="One is signed every minute; alert BmtCheckpointOld.",
        ),
        Panel(
            "Services that answer", {"{{service}}": 'min by (service) (up{job="bmt"})'}, kind="stat"
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": "bmt",
        "title": "BMT: requests and health",
        "tags": ["bmt"],
        "schemaVersion": 39,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_agency_variable()]},
        "panels": _panels(),
    }


def _agency_variable() -> dict[str, Any]:
    return {
        "name": "agency",
        "label": "Agency",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": "label_values(bmt_requests, agency)", "refId": "agency"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels() -> list[dict[str, Any]]:
    """Each row under its heading, its panels side by side."""
    made: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": top, "w": ACROSS, "h": 1}
        made.append({"id": len(made) + 1, "type": "row", "title": title, "gridPos": place})
        width = ACROSS // len(row)
        for column, panel in enumerate(row):
            place = {"x": column * width, "y": top + 1, "w": width, "h": HEIGHT}
            made.append({"id": len(made) + 1, "gridPos": place, **_panel(panel)})
        top += 1 + HEIGHT
    return made


def _panel(panel: Panel) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    drawing = {"stacking": {"mode": "normal"}, "fillOpacity": 20} if panel.stacked else {}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": drawing},
            "overrides": [],
        },
        "options": {"orientation": "horizontal"} if panel.kind == "bargauge" else {},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": DATASOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": instant,
                "range": not instant,
            }
            for number, (legend, expression) in enumerate(panel.queries.items())
        ],
    }


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
