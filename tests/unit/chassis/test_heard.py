"""What an event heard leads to."""

from datetime import UTC, datetime

import pytest
from parcels import Post, Posted

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import observability
from bmt.contracts.envelope import Envelope

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def incoming(traceparent: str | None) -> IncomingEvent[Posted]:
    envelope = Envelope(
        id="e1",
        source="/test",
        type=Posted.TYPE,
        time=datetime(2026, 11, 24, tzinfo=UTC),
        traceparent=traceparent,
        data={"weight": 1},
    )
    return IncomingEvent(envelope, Posted(weight=1), 1, "/test/1")


def test_its_id_is_the_causation_and_its_trace_goes_on():
    message = incoming(TRACEPARENT).to_command("parcel-1", Post(1))
    assert (message.stream, message.causation, message.command) == ("parcel-1", "e1", Post(1))
    assert message.traceparent == TRACEPARENT


@pytest.mark.parametrize("traceparent", [None, "00-nonsense"])
def test_a_trace_begins_where_the_event_has_none(traceparent):
    message = incoming(traceparent).to_command("parcel-1", Post(1))
    assert observability.accepted_traceparent(message.traceparent) == message.traceparent
