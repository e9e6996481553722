"""A target's daily maintenance: in Malaysia, also over midnight; nothing is called then."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from bmt.chassis.work import Later
from services.provisioning.connectors.connector import (
    Breaker,
    ConnectorMetrics,
    Guarded,
    InMaintenance,
    Maintenance,
)
from services.provisioning.worker import _later

NIGHT = datetime(2026, 11, 30, 16, tzinfo=UTC)
"""Midnight in Malaysia, at the beginning of 1 December."""


@pytest.mark.parametrize(
    ("daily", "begins", "ends"),
    [("23:30-01:00", -30, 60), ("00:00-04:30", 0, 270), ("22:00-00:00", -120, 0)],
)
def test_a_maintenance_is_under_way_from_its_first_to_before_its_last_minute(daily, begins, ends):
    first, last = (NIGHT + timedelta(minutes=minutes) for minutes in (begins, ends))
    moment = timedelta(microseconds=1)
    maintenance = Maintenance.of(daily)

    for at in (first, last - moment):
        assert maintenance.at(at) == (first, last)
    for at in (first - moment, last):
        assert maintenance.at(at) is None


class Uncalled:
    """Nobody may call it."""

    name = "scim"

    async def called(self, _):
        raise AssertionError

    plan = apply = read_back = called


async def test_what_is_in_maintenance_is_not_called_and_does_not_count_as_away():
    breaker = Breaker("scim")
    guarded = Guarded(
        Uncalled(), breaker, ConnectorMetrics(CollectorRegistry()), lambda: (NIGHT, NIGHT)
    )
    for answers in (
        await guarded.plan({"siti": None}),
        await guarded.apply({"siti": None}),
        await guarded.read_back(["siti"]),
    ):
        assert isinstance(answers["siti"], InMaintenance)
    assert not breaker.is_open


def test_its_work_is_looked_at_four_times_a_minute():
    assert _later(InMaintenance("scim")) == Later(15, "scim is in maintenance")
