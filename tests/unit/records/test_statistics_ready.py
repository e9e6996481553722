"""When the figures of the statistics are told: once all that the topics held is counted."""

from types import SimpleNamespace

from faust.types import TP
from fixtures.procedure import approved
from fixtures.samples import facts

from bmt.chassis.eventsourcing.decider import dataschema
from bmt.chassis.eventsourcing.event_store import type_of
from bmt.chassis.runtime import clock
from bmt.contracts.envelope import Envelope
from services.records.statistics.figures import Figures
from services.records.statistics.main import Turnaround

PLACE = TP("bmt.decisions.v1", 0)


def record(offset: int) -> SimpleNamespace:
    return SimpleNamespace(topic=PLACE.topic, partition=0, offset=offset, headers=(), value=b"{}")


def turnaround() -> tuple[Turnaround, list[bool]]:
    told: list[bool] = []
    counting = Turnaround(Figures(), lambda: told.append(True))
    counting.keep([PLACE])
    return counting, told


def test_nothing_is_told_before_the_last_record_is_taken_in():
    counting, told = turnaround()
    counting.expect({PLACE: 2})
    counting.take(record(0))
    assert not told
    counting.take(record(1))
    assert told


def test_records_that_came_before_the_ends_were_known_count():
    counting, told = turnaround()
    counting.take(record(0))
    counting.take(record(1))
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
