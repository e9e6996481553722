"""Turnaround: each step from the milestone before it, in whatever order the topics bring them."""

import itertools
from datetime import timedelta

import pytest
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

from bmt.contracts.events import Filed
from services.records.statistics.figures import Figures, after, durations

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
