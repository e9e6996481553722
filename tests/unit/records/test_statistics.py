"""Turnaround: each step from the milestone before it, in whatever order the topics bring them."""

import itertools
from datetime import timedelta
from types import SimpleNamespace

import pytest
from faust.types import TP
from fixtures.procedure import (
    approved,
    configured,
    notified,
    opened,
    rejected,
    returned,
    withdrawn,
)
from fixtures.samples import MONDAY, facts, received
from prometheus_client import CollectorRegistry, generate_latest

from bmt.chassis.eventsourcing.decider import dataschema
from bmt.chassis.eventsourcing.event_store import type_of
from bmt.chassis.runtime import clock
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import Filed
from services.records.statistics.figures import Figures, after, durations
from services.records.statistics.main import Turnaround, statistics
from services.records.statistics.settings import Settings

REQUEST = facts()

HOUR = 3600.0


def filed():
    at = MONDAY + timedelta(hours=5)
    return Filed(request=REQUEST, file_number="MAMPU/1", volume=1, folios=0, filed_at=at)


def told(*events, hours=4):
    """What is known; events without a time of their own happened after so many hours."""
    times = None
    for event in events:
        times = after(times, event, MONDAY + timedelta(hours=hours))
    return times


APPROVED = (
    received(REQUEST),
    opened(REQUEST),
    approved(REQUEST),
    configured(REQUEST),
    notified(REQUEST, "configured"),
    filed(),
)


def test_every_step_of_an_approval_is_measured_from_the_one_before():
    assert durations(told(*APPROVED)) == {
        "decided": HOUR,
        "configured": HOUR,
        "notified": 2 * HOUR,
        "filed": HOUR,
    }


@pytest.mark.parametrize(
    ("refusal", "about", "decided"),
    [(rejected(REQUEST), "rejected", HOUR), (withdrawn(REQUEST), "withdrawn", 4 * HOUR)],
    ids=["rejected", "withdrawn"],
)
def test_a_refusal_is_told_after_its_decision(refusal, about, decided):
    steps = durations(told(received(REQUEST), refusal, notified(REQUEST, about)))

    assert steps == {"decided": decided, "notified": 4 * HOUR - decided}


def test_order_and_repetition_change_nothing():
    expected = durations(told(*APPROVED))
    for order in itertools.permutations(APPROVED):
        assert durations(told(*order)) == expected
    assert durations(told(*APPROVED, *APPROVED, hours=4)) == expected


def test_neither_an_acknowledgement_nor_a_return_is_a_step():
    acknowledged = notified(REQUEST, "acknowledgement")
    assert durations(told(received(REQUEST), returned(REQUEST), acknowledged)) == {}


def test_a_step_never_took_less_than_no_time():
    early = approved(REQUEST, decided_at=MONDAY - timedelta(seconds=3))
    assert durations(told(early)) == {"decided": 0.0}


def test_a_request_is_counted_once_a_step_however_it_is_told():
    figures, times = Figures(), None
    for event in (*APPROVED, *APPROVED):
        before, times = times, after(times, event, MONDAY + timedelta(hours=4))
        figures.replace(before, times)

    assert set(figures.totals().values()) == {1}
    again = Figures()
    again.replace(None, times)
    assert again.totals() == figures.totals()


def test_prometheus_reads_a_histogram():
    figures, registry = Figures(), CollectorRegistry()
    figures.replace(None, told(*APPROVED))
    registry.register(figures)

    text = generate_latest(registry).decode()

    assert 'bmt_step_seconds_bucket{agency="MAMPU",le="900.0",step="decided"} 0.0' in text
    assert 'bmt_step_seconds_bucket{agency="MAMPU",le="3600.0",step="decided"} 1.0' in text
    assert 'bmt_step_seconds_bucket{agency="MAMPU",le="+Inf",step="decided"} 1.0' in text
    assert 'bmt_step_seconds_sum{agency="MAMPU",step="notified"} 7200.0' in text


PLACE = TP("bmt.decisions.v1", 0)


def record(offset: int) -> SimpleNamespace:
    return SimpleNamespace(topic=PLACE.topic, partition=0, offset=offset, headers=(), value=b"{}")


def turnaround() -> tuple[Turnaround, list[bool]]:
    told: list[bool] = []
    counting = Turnaround(Figures(), lambda: told.append(True))
    counting.keep([PLACE])
    return counting, told


def test_nothing_is_told_before_the_last_record_is_taken_in_however_early_it_came():
    counting, told = turnaround()
    counting.expect({PLACE: 2})
    counting.take(record(0))
    assert not told
    counting.take(record(1))
    assert told

    counting, told = turnaround()
    for offset in (0, 1):
        counting.take(record(offset))
    assert not told
    counting.expect({PLACE: 2})
    assert told


def test_empty_topics_are_told_of_at_once():
    counting, told = turnaround()
    counting.expect({})
    assert told


def decided(partition: int) -> SimpleNamespace:
    """A decision as it lies in a partition."""
    event = approved(facts())
    envelope = Envelope(
        id=clock.new_id(),
        source="/bmt/approval",
        type=type_of(event),
        subject=event.request.request_id,
        time=clock.now(),
        dataschema=dataschema(type_of(event)),
        sequence="1",
        correlationid=event.request.request_id,
        causationid=clock.new_id(),
        data=event.model_dump(mode="json", by_alias=True),
    )
    value = event.model_dump_json(by_alias=True).encode()
    where = {"topic": PLACE.topic, "partition": partition, "offset": 0}
    return SimpleNamespace(**where, headers=envelope.kafka_headers(), value=value)


def test_what_came_before_the_assignment_was_told_of_counts_and_what_another_has_by_now_does_not():
    figures = Figures()
    counting = Turnaround(figures, lambda: None)
    records = [decided(partition) for partition in (0, 1)]
    for record in records:
        counting.take(record)

    for own, count in (([0, 1], 2), ([1], 1), ([1], 1), ([], 0)):
        counting.keep([TP(PLACE.topic, partition) for partition in own])
        for record in records:
            if record.partition in own:
                counting.take(record)  # from the beginning
        assert sum(figures.totals().values()) == count


def test_two_processes_on_one_machine_have_names_of_their_own_which_a_restart_keeps():
    def name(port):
        own = Settings(kafka_bootstrap_servers="127.0.0.1:1", port=port)
        return statistics(own, Figures(), lambda: None).conf.consumer_group_instance_id

    assert name(8106) == name(8106) != name(8206)
