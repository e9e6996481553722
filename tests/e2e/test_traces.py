"""One call is one trace, through Kafka and all services, in a real collector; and the log can be joined to it."""

import json
import secrets
from pathlib import Path

import pytest
from eventually import eventually
from fixtures.collector import ReceivedSpan
from fixtures.outside import SECONDS, registered

pytestmark = pytest.mark.e2e

SERVICES = {"intake", "approval", "provisioning", "notification", "records"}


@pytest.fixture(scope="module")
async def mark(http, ready) -> str:
    """A word that stands in everything personal of this test, and nowhere else."""
    account = await registered(http, ready)
    return account.partition(".")[0]


@pytest.fixture(scope="module")
async def request_id(caller, collector, mark) -> str:
    if collector is None:
        pytest.skip("the collector does not start here")
    account = f"{mark}.mampu@mygovuc.gov.my"
    person = {"account": account, "name": f"Puan {mark}", "email": account}
    administrator = caller("administrator")
    return await administrator.submit(applicant=person, justification=f"Kerana {mark}.")


@pytest.fixture(scope="module")
async def trace(caller, collector, mark, request_id) -> tuple[str, str]:
    """The ids of the trace and the span under which somebody approves a request, once it is filed."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    admin = caller("administrator")
    answer = await admin.post(
        "approval",
        f"/v1/requests/{request_id}/decision",
        {"decision": "approve", "exception_reason": f"Kenal {mark}."},
        headers={"traceparent": f"00-{trace_id}-{span_id}-01"},
    )
    assert answer.status_code == 201, answer.text
    await admin.until(request_id, "filed")
    return trace_id, span_id


@pytest.fixture(scope="module")
async def spans(collector, trace) -> list[ReceivedSpan]:
    """All of the trace: a span is sent when it ends, so a child may come before its parent."""

    def whole() -> list[ReceivedSpan]:
        spans = collector.spans(trace[0])
        assert {span.service for span in spans} == SERVICES
        assert {"work scim", "work smtp"} <= {span.name for span in spans}
        assert "send bmt.records.v1" in {span.name for span in spans}
        ids = {span.id for span in spans}
        assert [span.parent for span in spans if span.parent not in ids] == [trace[1]]
        return spans

    return await eventually(whole, SECONDS)


def ways(spans: list[ReceivedSpan], name: str) -> list[list[str]]:
    """From each span of this name to the trace's beginning: services and names."""
    by_id = {span.id: span for span in spans}

    def way(span: ReceivedSpan) -> list[str]:
        above = by_id.get(span.parent)
        return [f"{span.service}: {span.name}", *(way(above) if above else ())]

    return [way(span) for span in spans if span.name == name]


def test_every_span_but_the_first_has_its_parent_in_the_trace(trace, spans):
    (first,) = [span for span in spans if span.parent == trace[1]]
    assert first.name == "POST /v1/requests/{request_id}/decision"
    assert (first.service, first.kind) == ("approval", "SERVER")
    assert {span.status for span in spans} == {"UNSET"}


def test_the_e_mail_comes_from_the_decision(spans):
    (way,) = ways(spans, "work smtp")
    assert way == [
        "notification: work smtp",
        "notification: decide notify",
        "notification: process bmt.configurations.v1",
        "provisioning: decide record_configured",
        "provisioning: work scim",
        "provisioning: decide request_configuration",
        "provisioning: process bmt.decisions.v1",
        "approval: decide decide",
        "approval: POST /v1/requests/{request_id}/decision",
    ]


def test_what_is_sent_and_what_it_leads_to_are_below_the_command(spans):
    (sent,) = ways(spans, "send bmt.decisions.v1")
    above = sent[1:]
    assert above[0] == "approval: decide decide"
    processed = ways(spans, "process bmt.decisions.v1")
    assert [way[1:] for way in processed] == [above] * len(processed)
    assert {way[0].partition(":")[0] for way in processed} == SERVICES - {"approval"}
    kinds = {span.name.partition(" ")[0]: span.kind for span in spans}
    assert kinds | {"send": "PRODUCER", "process": "CONSUMER", "decide": "INTERNAL"} == kinds


async def test_what_events_carry_is_the_span_of_their_command(caller, request_id, trace, spans):
    record = await caller("administrator").get("records", f"/v1/records/{request_id}")
    carried = [event.get("traceparent") or "" for event in record.json()["events"]]
    of_trace = [traceparent[36:52] for traceparent in carried if trace[0] in traceparent]
    commands = {span.id for span in spans if span.name.startswith("decide ")}
    assert len(of_trace) >= len(("Approved", "ConfigurationStarted", "Configured"))
    assert set(of_trace) <= commands


def test_every_span_that_is_about_the_request_names_it(request_id, spans):
    named = {span.attributes.get("bmt.request_id") for span in spans if span.kind != "SERVER"}
    assert named == {request_id}


@pytest.mark.usefixtures("spans")
def test_nothing_that_was_collected_names_a_person(collector, mark, trace):
    text = collector.text()
    assert trace[0] in text
    persons = {mark, "mygovuc.gov.my", "Siti", "Kenal", "Kerana", "Bearer", "eyJ"}
    assert not [word for word in persons if word in text]


def test_the_log_has_a_line_of_the_decision_with_its_trace(ready, trace, request_id):
    log = Path(ready["data"]) / "logs" / "approval.log"
    lines = [json.loads(line) for line in log.read_text().splitlines() if trace[0] in line]
    (line,) = [line for line in lines if line["event"] == "command"]
    assert (
        line
        | {
            "command": "decide",
            "role": "administrator",
            "outcome": "applied",
            "category": "request",
            "request_id": request_id,
            "trace_id": trace[0],
            "level": "info",
        }
        == line
    )
    assert line["duration_ms"] > 0


async def test_a_page_s_calls_of_a_service_are_below_the_page(collector, http, ready, request_id):
    trace_id, here = secrets.token_hex(16), ready["web"]["url"]
    headers = {"Origin": here, "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    told = {"reference": request_id, "code": "wrong"}
    assert (await http.post(f"{here}/status/", data=told, headers=headers)).status_code == 404

    def has_both() -> None:
        way = ["intake: POST /v1/status-lookups", "web: POST /status/"]
        assert ways(collector.spans(trace_id), "POST /v1/status-lookups") == [way]

    await eventually(has_both, SECONDS)
