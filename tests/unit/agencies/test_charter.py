"""The client charter counts full working days of the agency's state, in Malaysian time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmt.agencies.charter import MALAYSIA, due_at, remind_at, working_time


@pytest.mark.parametrize(
    ("since", "days", "state", "due"),
    [
        pytest.param("2025-11-24T01:30", 3, "kuala-lumpur", "2025-11-27", id="a plain week"),
        pytest.param("2025-11-27T01:30", 3, "kuala-lumpur", "2025-12-02", id="over a weekend"),
        pytest.param("2025-11-26T01:30", 2, "kelantan", "2025-11-30", id="Friday is rest there"),
        pytest.param("2025-12-22T01:30", 3, "selangor", "2025-12-26", id="Christmas is none"),
        pytest.param("2025-11-29T01:30", 1, "johor", "2025-12-01", id="received on a Saturday"),
        pytest.param("2025-11-23T15:59", 1, "johor", "2025-11-24", id="Sunday night there"),
        pytest.param("2025-11-23T16:00", 1, "johor", "2025-11-25", id="Monday already there"),
        pytest.param("2026-12-31T01:30", 1, "kedah", "2027-01-03", id="over Friday, Kedah"),
        pytest.param("2026-12-31T01:30", 1, "kelantan", "2027-01-03", id="over Friday, Kelantan"),
        pytest.param(
            "2026-12-31T01:30", 1, "terengganu", "2027-01-03", id="over Friday, Terengganu"
        ),
        pytest.param("2026-12-31T01:30", 1, "selangor", "2027-01-04", id="over New Year elsewhere"),
        pytest.param("2027-06-04T01:30", 1, "selangor", "2027-06-08", id="no day in lieu is known"),
    ],
)
def test_due_when_offices_close_on_the_last_day(since, days, state, due):
    received = datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert due_at(received, days, state) == datetime.fromisoformat(f"{due}T09:00+00:00")


@pytest.mark.parametrize(
    ("since", "due", "days", "state", "reminded"),
    [
        pytest.param("24T01:30", "27T09:00", 1, "kuala-lumpur", "26T00:00", id="the day before"),
        pytest.param("24T01:30", "27T09:00", 0, "kuala-lumpur", "27T00:00", id="the day itself"),
        pytest.param("19T01:30", "24T09:00", 1, "kuala-lumpur", "21T00:00", id="before a weekend"),
        pytest.param("19T01:30", "23T09:00", 1, "kelantan", "20T00:00", id="Friday is rest there"),
        pytest.param("24T01:30", "25T09:00", 1, "johor", "25T00:00", id="not at once"),
        pytest.param("24T01:30", "25T09:00", 60, "johor", "25T00:00", id="not before it began"),
    ],
)
def test_reminded_when_offices_open_so_many_working_days_before(since, due, days, state, reminded):
    begun, last, told = (
        datetime.fromisoformat(f"2025-11-{one}").replace(tzinfo=UTC)
        for one in (since, due, reminded)
    )
    assert remind_at(begun, last, days, state) == told


@pytest.mark.parametrize(
    ("since", "days", "state", "closed", "due"),
    [
        pytest.param("24T01:30", 1, "kuala-lumpur", (25,), "26", id="a day is closed"),
        pytest.param("24T01:30", 2, "kuala-lumpur", (25, 26), "28", id="two in a row"),
        pytest.param("24T01:30", 1, "kuala-lumpur", (24,), "25", id="the day itself never counts"),
        pytest.param("26T01:30", 1, "kelantan", (27,), "30", id="before Friday and Saturday there"),
        pytest.param("26T01:30", 1, "kelantan", (28,), "27", id="Friday is rest there anyway"),
        pytest.param("26T01:30", 1, "selangor", (28,), "27", id="Friday is none elsewhere"),
        pytest.param("27T01:30", 1, "kelantan", (30,), "01", id="Sunday is a working day there"),
        pytest.param("27T01:30", 1, "selangor", (30,), "28", id="and rest elsewhere"),
    ],
)
def test_days_on_which_the_agency_is_closed_do_not_count(since, days, state, closed, due):
    received = datetime.fromisoformat(f"2025-11-{since}").replace(tzinfo=UTC)
    month = "2025-12" if due == "01" else "2025-11"
    is_due = due_at(received, days, state, frozenset(date(2025, 11, day) for day in closed))
    assert is_due == datetime.fromisoformat(f"{month}-{due}T09:00+00:00")


def test_a_day_in_lieu_that_no_list_has_is_the_agencys_to_name():
    """Awal Muharram is Sunday 6 June 2027, the King's birthday the Monday: the library gives no day in lieu of the
    first, and no official list was found; an agency may name one."""
    received = datetime(2027, 6, 4, 1, 30, tzinfo=UTC)
    due = due_at(received, 1, "selangor", frozenset({date(2027, 6, 8)}))
    assert due == datetime(2027, 6, 9, 9, tzinfo=UTC)


def test_nobody_is_reminded_on_a_closed_day():
    begun, last = datetime(2025, 11, 24, 1, tzinfo=UTC), datetime(2025, 11, 27, 9, tzinfo=UTC)
    closed = frozenset({date(2025, 11, 26)})
    reminded = remind_at(begun, last, 1, "selangor", closed)
    assert reminded == datetime(2025, 11, 25, 0, tzinfo=UTC)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 10),
    st.sampled_from(["kelantan", "selangor", "kuala-lumpur"]),
    st.frozensets(st.dates(date(2024, 1, 1), date(2028, 2, 1)), max_size=30),
)
def test_a_closed_day_only_ever_makes_it_later_and_is_never_the_day(since, days, state, closed):
    due = due_at(since, days, state, closed)
    assert due >= due_at(since, days, state)
    assert due.astimezone(MALAYSIA).date() not in closed


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        pytest.param("24T01:30", "24T03:30", 2, id="a morning"),
        pytest.param("24T01:30", "25T01:30", 9, id="a night does not count"),
        pytest.param("21T08:00", "24T01:00", 2, id="a weekend does not count"),
        pytest.param("23T16:00", "24T00:00", 0, id="before the office opens"),
        pytest.param("24T10:00", "24T15:00", 0, id="after it closes"),
        pytest.param("24T05:00", "24T01:00", 0, id="clocks of two machines differ"),
    ],
)
def test_the_time_that_a_step_took_is_office_hours_of_working_days(begin, end, hours):
    begun, done = (
        datetime.fromisoformat(f"2025-11-{one}").replace(tzinfo=UTC) for one in (begin, end)
    )
    assert working_time(begun, done, "kuala-lumpur") == timedelta(hours=hours)
