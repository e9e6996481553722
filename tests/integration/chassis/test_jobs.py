"""A job that a dead process held goes on elsewhere, and not before it is sure to be dead."""

from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.messaging.republishing import HELD_FOR, Jobs

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
async def jobs(database):
    jobs = Jobs(database["rebuilding"])
    await jobs.keep(["reviews"], ["reviews"], NOW)
    return jobs


async def test_what_a_process_holds_no_other_takes_until_its_time_is_over(jobs):
    assert (await jobs.take(NOW)).id == "reviews"
    assert await jobs.take(NOW + HELD_FOR - timedelta(seconds=1)) is None
    assert (await jobs.take(NOW + HELD_FOR)).id == "reviews"


def test_a_dead_process_holds_up_a_job_for_a_minute_at_most():
    assert timedelta(minutes=1) >= HELD_FOR
