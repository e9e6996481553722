"""When the figures of the statistics are told: once all that the topics held is counted."""

from types import SimpleNamespace

from faust.types import TP

from services.records.statistics.figures import Figures
from services.records.statistics.main import Turnaround

PLACE = TP("bmt.decisions.v1", 0)


def record(offset: int) -> SimpleNamespace:
    return SimpleNamespace(topic=PLACE.topic, partition=0, offset=offset, headers=(), value=b"{}")


def turnaround() -> tuple[Turnaround, list[bool]]:
    told: list[bool] = []
    counting = Turnaround(Figures(), lambda: told.append(True))
    counting.begin([PLACE])
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


def test_empty_topics_are_told_of_at_once_and_those_of_others_never():
    counting, told = turnaround()
    counting.expect({})
    assert told
    counting.take(SimpleNamespace(topic="bmt.records.v1", partition=5, offset=0))
