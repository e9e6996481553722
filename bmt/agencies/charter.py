"""When a step is due: the client charter's working days, in Malaysian time, by each state's weekends and holidays.

Source of holidays: the `holidays` library (subdivisions of MY). Kedah, Kelantan and Terengganu rest
on Friday and Saturday, the others on Saturday and Sunday.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

import holidays

State = Literal[
    "johor", "kedah", "kelantan", "melaka", "negeri-sembilan", "pahang", "perak", "perlis",
    "pulau-pinang", "sabah", "sarawak", "selangor", "terengganu", "kuala-lumpur", "labuan",
    "putrajaya",
]  # fmt: skip

_SUBDIVISION: Final[dict[str, str]] = dict(
    zip(
        get_args(State),
        (
            "01", "02", "03", "04", "05", "06", "08", "09",
            "07", "12", "13", "10", "11", "14", "15",
            "16",
        ),
        strict=True,
    )
)  # fmt: skip
"""ISO 3166-2:MY."""

_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_FRIDAY_STATES: Final = frozenset({"kedah", "kelantan", "terengganu"})


def is_working_day(day: date, state: State) -> bool:
    """Whether offices in `state` are open on `day`."""
    weekend = (_FRIDAY, _SATURDAY) if state in _FRIDAY_STATES else (_SATURDAY, _SUNDAY)
    return day.weekday() not in weekend and day not in _holidays(state, day.year)


@lru_cache(maxsize=256)
def _holidays(state: State, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("MY", subdiv=_SUBDIVISION[state], years=year))


MALAYSIA: Final = ZoneInfo("Asia/Kuala_Lumpur")
OFFICE_OPENS: Final = time(8, 0)
OFFICE_CLOSES: Final = time(17, 0)
WORKING_DAY: Final = timedelta(hours=OFFICE_CLOSES.hour - OFFICE_OPENS.hour)
_MOST_DAYS_COUNTED: Final = 366


def day_of(moment: datetime) -> date:
    """The day in Malaysia."""
    return moment.astimezone(MALAYSIA).date()


def due_at(
    since: datetime, working_days: int, state: State, closed: frozenset[date] = frozenset()
) -> datetime:
    """When offices close on the last of `working_days` full working days after the day of `since` (UTC).

    `closed` are the agency's own closures, in addition to its state's holidays.
    """
    return _closing(since.astimezone(MALAYSIA).date(), working_days, state, closed)


def is_late(at: datetime, due: datetime) -> bool:
    """Whether what was done at `at`, or is not done by then, is late: the one rule of lists, reports and figures."""
    return at > due


def working_time(
    begin: datetime, end: datetime, state: State, closed: frozenset[date] = frozenset()
) -> timedelta:
    """The office hours of working days between two moments; at most those of the last 366 days."""
    first, last = (one.astimezone(MALAYSIA).replace(tzinfo=None) for one in (begin, end))
    days, total = (last.date() - first.date()).days, timedelta()
    for back in range(min(days, _MOST_DAYS_COUNTED) + 1):
        day = last.date() - timedelta(days=back)
        if day in closed or not is_working_day(day, state):
            continue
        if 0 < back < days:
            total += WORKING_DAY
            continue
        opens, closes = (datetime.combine(day, at) for at in (OFFICE_OPENS, OFFICE_CLOSES))
        total += max(timedelta(), min(closes, last) - max(opens, first))
    return total


def working_days_between(
    begin: datetime, end: datetime, state: State, closed: frozenset[date] = frozenset()
) -> int:
    """The working days after the day of `begin`, up to and with the day of `end`."""
    day, last = (one.astimezone(MALAYSIA).date() for one in (begin, end))
    if (last - day).days > _MOST_DAYS_COUNTED:
        day = last - timedelta(days=_MOST_DAYS_COUNTED)
    days = (day + timedelta(days=1 + index) for index in range((last - day).days))
    return sum(one not in closed and is_working_day(one, state) for one in days)


def remind_at(
    since: datetime,
    due: datetime,
    working_days_before: int,
    state: State,
    closed: frozenset[date] = frozenset(),
) -> datetime:
    """When offices open so many working days before the day of `due` (UTC).

    If that is not after `since`, it is when they open on the day of `due`: an officer who has just received
    work needs no immediate reminder.
    """
    last = due.astimezone(MALAYSIA).date()
    wanted = _opening(_days_before(last, working_days_before, state, closed))
    return wanted if wanted > since else _opening(last)


def _days_before(day: date, working_days: int, state: State, closed: frozenset[date]) -> date:
    left = working_days
    while left:
        day -= timedelta(days=1)
        left -= day not in closed and is_working_day(day, state)
    return day


def _opening(day: date) -> datetime:
    return datetime.combine(day, OFFICE_OPENS, MALAYSIA).astimezone(UTC)


@lru_cache(maxsize=1024)
def _closing(day: date, working_days: int, state: State, closed: frozenset[date]) -> datetime:
    left = working_days
    while left:
        day += timedelta(days=1)
        left -= day not in closed and is_working_day(day, state)
    return datetime.combine(day, OFFICE_CLOSES, MALAYSIA).astimezone(UTC)
