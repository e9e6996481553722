"""Spans join the trace that commits and events carry, and there are none unless an operator wants them."""

import subprocess
import sys

import pytest
from fixtures.memory_event_store import MemoryEventStore
from parcels import DECIDER, PUBLISHED, VOCABULARY, Deliver, Post

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime import tracing
from bmt.chassis.runtime.clock import new_id, now
from bmt.chassis.runtime.observability import is_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
REQUEST = "0198f3a2-7c1e-7b7e-8000-000000000000"


@pytest.fixture
def execution():
    async def deliver(_) -> None: ...

    return Execution(
        store=MemoryEventStore(),
        deciders={"parcel": DECIDER},
        vocabulary=VOCABULARY,
        published=PUBLISHED,
        deliver=deliver,
        clock=now,
        new_id=new_id,
    )


def identity(span) -> str:
    context = span.get_span_context()
    return f"{context.trace_id:032x}-{context.span_id:016x}"


def parent(span) -> str:
    return f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}"


def test_a_service_that_sends_no_spans_does_not_import_the_sdk():
    code = (
        "import sys, services.approval.main;"
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tracing, "_on", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(WrongConfiguration, match=r"pip install 'big-mail-transfer\[telemetry\]'"):
        tracing.switch_on("parcels", "http://collector:4318")
    assert not tracing.is_on()


async def test_a_commit_carries_the_span_of_its_command(switched_on, execution):
    spans = switched_on()
    message = Message(f"parcel-{REQUEST}", "c1", "f", Post(5), TRACEPARENT)
    executed = await execution.execute(message)
    (span,) = spans()
    assert executed.commit.traceparent[3:52] == identity(span)
    assert parent(span) == f"{TRACE}-{SPAN}"
    assert span.name == "decide post"
    assert span.resource.attributes["service.name"] == "parcels"
    assert span.attributes == {
        "bmt.command": "post",
        "bmt.stream_category": "parcel",
        "bmt.request_id": REQUEST,
        "bmt.outcome": "applied",
        "bmt.event_types": ("test.Weighed.v1", "test.Posted.v1"),
    }


async def test_a_stream_that_people_name_stands_in_no_span(switched_on, execution):
    spans = switched_on()
    message = Message("parcel-zainab@agency.my", "c1", "f", Deliver("Zainab"), TRACEPARENT)
    await execution.execute_many([message])
    (span,) = spans()
    assert span.attributes["bmt.outcome"] == "validation_failed"
    assert "zainab" not in span.to_json().lower()


async def test_a_command_that_no_trace_led_to_goes_on_with_its_streams(switched_on, execution):
    spans = switched_on()
    first = await execution.execute(Message("parcel-1", "c1", "f", Post(5), TRACEPARENT))
    second = await execution.execute(Message("parcel-1", "c2", "f", Deliver("Siti")))
    assert second.commit.traceparent == first.commit.traceparent
    assert len(spans()) == 1


async def test_what_is_not_sampled_is_carried_on_and_not_sent(switched_on, execution):
    spans = switched_on(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0")
    begun = tracing.begin("GET", tracing.Kind.SERVER, None)
    assert begun.traceparent.endswith(("-00", "-02"))
    executed = await execution.execute(Message("parcel-1", "c1", "f", Post(5), begun.traceparent))
    assert executed.commit.traceparent[3:35] == begun.traceparent[3:35]
    sampled = await execution.execute(Message("parcel-2", "c2", "f", Post(5), TRACEPARENT))
    assert [identity(span) for span in spans()] == [sampled.commit.traceparent[3:52]]


async def test_a_disabled_sdk_changes_nothing(switched_on, execution):
    spans = switched_on(OTEL_SDK_DISABLED="true")
    executed = await execution.execute(Message("parcel-1", "c1", "f", Post(5), TRACEPARENT))
    assert executed.commit.traceparent == TRACEPARENT
    begun = tracing.begin("GET", tracing.Kind.SERVER, None)
    assert is_traceparent(begun.traceparent)
    assert spans() == ()


async def test_a_call_is_a_span_below_its_callers(switched_on, client, operator, parcel, desk):
    spans = switched_on()
    headers = operator | {"traceparent": TRACEPARENT}
    response = await client.post("/v1/parcels", json=parcel, headers=headers)
    await client.get("/healthz")
    (span,) = spans()
    assert (span.name, span.kind.name) == ("POST /v1/parcels", "SERVER")
    assert parent(span) == f"{TRACE}-{SPAN}"
    assert response.headers["traceresponse"][3:52] == identity(span)
    (context,) = desk.commands.values()
    assert context.traceparent[3:52] == identity(span)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/parcels",
        "http.response.status_code": 201,
    }


async def test_a_call_that_fails_is_an_error_without_its_text(
    switched_on, client, operator, desk, parcel
):
    spans = switched_on()
    desk.fails_with = RuntimeError("zainab@agency.my")
    await client.post("/v1/parcels", json=parcel, headers=operator)
    (span,) = spans()
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "500")
    assert "zainab" not in span.to_json()
