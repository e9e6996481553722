"""An agency's rules of deciding: how many approve, who acts for whom, and prepared reasons."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import combinations
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticKnownError

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.faults import wrong
from bmt.contracts.values import Account, Name, Reason

MOST_LEVELS: Final = 3


def _at_least_one(levels: int) -> int:
    if levels < 1:
        raise ValueError(
            "must be at least 1: every request must be approved "
            '(SOP 5.0: "Permohonan perlu diluluskan oleh Pentadbir UC Agensi.")'
        )
    return levels


ApprovalLevels = Annotated[int, Field(strict=True, le=MOST_LEVELS), AfterValidator(_at_least_one)]
"""How many administrators must approve, one after the other."""

MOST_CHARACTERS: Final = 300


def _short(reason: str) -> str:
    if len(reason) > MOST_CHARACTERS:
        raise PydanticKnownError("string_too_long", {"max_length": MOST_CHARACTERS})
    return reason


PreparedReason = Annotated[Reason, AfterValidator(_short)]
Prepared = Annotated[tuple[PreparedReason, ...], Field(max_length=20)]
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _as_written(day: object) -> object:
    """YAML 1.2 has no dates: they are text of this form, and of no other."""
    if isinstance(day, str) and _DAY.fullmatch(day):
        with suppress(ValueError):
            return date.fromisoformat(day)
    return day


Day = Annotated[date, Field(strict=True), BeforeValidator(_as_written)]


def in_order(days: tuple[date, ...]) -> tuple[date, ...]:
    return tuple(sorted(set(days)))


Days = Annotated[tuple[Day, ...], AfterValidator(in_order)]
"""Days of the calendar. Their order in the file does not matter."""


class AgencyFileEntry(BaseModel):
    """A part of agencies.yaml. It is immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PreparedReasons(AgencyFileEntry):
    """Reasons that an administrator may begin with, by what they are for."""

    reject: Prepared = ()
    return_: Annotated[Prepared, Field(alias="return")] = ()
    exception: Prepared = ()


class Appointment(AgencyFileEntry):
    """An officer who acts for an office or a person (*bertindak bagi pihak*), from a day until a day.

    Both days are included. They begin and end at midnight in Malaysia.
    """

    officer: Account
    officer_name: Name | None = Field(default=None, exclude_if=lambda name: name is None)
    on_behalf_of: Name
    from_: Annotated[Day, Field(alias="from")]
    until: Day

    @field_validator("until")
    @classmethod
    def _not_over_before_it_begins(cls, until: date, earlier: ValidationInfo) -> date:
        if until < earlier.data.get("from_", until):
            raise wrong("until_before_from")
        return until

    def allows(self, officer: str, at: datetime) -> bool:
        day = at.astimezone(MALAYSIA).date()
        return self.officer.casefold() == officer.casefold() and self.from_ <= day <= self.until

    def overlaps(self, other: "Appointment") -> bool:
        """Whether both appoint one officer for the same on some day."""
        same = (self.officer.casefold(), self.on_behalf_of) == (
            other.officer.casefold(),
            other.on_behalf_of,
        )
        return same and self.from_ <= other.until and other.from_ <= self.until


def each_once(appointments: tuple[Appointment, ...]) -> tuple[Appointment, ...]:
    for (first, one), (second, other) in combinations(enumerate(appointments), 2):
        if one.overlaps(other):
            raise wrong("appointed_twice", first=first + 1, second=second + 1)
    return appointments


Acting = Annotated[tuple[Appointment, ...], AfterValidator(each_once)]


class Change(AgencyFileEntry):
    """The last change of the rules: by whom, on which day, and why."""

    by: Name
    on: Day
    why: Reason


def acts_for(acting: Sequence[Appointment], officer: str, at: datetime) -> tuple[str, ...]:
    """For whom an officer may act at a moment, in the order of the file."""
    return tuple(one.on_behalf_of for one in acting if one.allows(officer, at))
