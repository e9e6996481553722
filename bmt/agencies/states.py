"""Malaysia's states and federal territories: their weekends and public holidays.

Source of holidays: the `holidays` library (subdivisions of MY). Kedah, Kelantan and Terengganu rest
on Friday and Saturday, the others on Saturday and Sunday.
"""

from datetime import date
from functools import lru_cache
from typing import Final, Literal, get_args

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
