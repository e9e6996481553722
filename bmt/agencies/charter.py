"""When a step is due: the client charter's working days, in Malaysian time."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from bmt.agencies.states import State, is_working_day

MALAYSIA: Final = ZoneInfo("Asia/Kuala_Lumpur")
OFFICE_CLOSES: Final = time(17, 0)


def due_at(since: datetime, working_days: int, state: State) -> datetime:
    """When offices close on the last of `working_days` full working days after the day of `since`.

    Returns:
        The moment in UTC.
    """
    return _closing(since.astimezone(MALAYSIA).date(), working_days, state)


@lru_cache(maxsize=1024)
def _closing(day: date, working_days: int, state: State) -> datetime:
    left = working_days
    while left:
        day += timedelta(days=1)
        left -= is_working_day(day, state)
    return datetime.combine(day, OFFICE_CLOSES, MALAYSIA).astimezone(UTC)
