"""What an agency sets itself, beside what the operators' file alone can say; and which of the two holds."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field

from bmt.agencies.agency import Charter, Quota, Separation
from bmt.agencies.deciding import (
    AgencyFileEntry,
    Appointment,
    ApprovalLevels,
    Day,
    PreparedReasons,
    each_once,
    in_order,
)
from bmt.contracts.values import Bytes, Reason

V = TypeVar("V")

MOST_APPOINTMENTS: Final = 50
MOST_CLOSED_DAYS: Final = 100

VersionNumber = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=1_000_000,
        description="the last version that was read before; another one is a 409",
    ),
]


class OwnRules(AgencyFileEntry):
    """The rules that an agency may change, all of them. Every other key of agencies.yaml is the operators'."""

    quota_bytes: Quota
    max_file_size_bytes: Bytes
    charter_working_days: Charter
    approval_levels: ApprovalLevels
    separation: Separation
    acting: Annotated[
        tuple[Appointment, ...], Field(max_length=MOST_APPOINTMENTS), AfterValidator(each_once)
    ]
    closed_days: Annotated[
        tuple[Day, ...], Field(max_length=MOST_CLOSED_DAYS), AfterValidator(in_order)
    ]
    prepared_reasons: PreparedReasons

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


OWN: Final = tuple(OwnRules.model_fields)


class ChangeOfRules(AgencyFileEntry):
    """Body of `POST /v1/agencies/own/rules`: what the agency's rules are from a day on."""

    rules: OwnRules
    in_force_from: Annotated[Day, Field(description="a day in Malaysia: today or later")]
    why: Reason
    number: VersionNumber


class WithdrawalOfChange(AgencyFileEntry):
    """Body of `POST /v1/agencies/own/rules/withdrawal`: a change that waits for its day is taken back."""

    why: Reason
    number: VersionNumber


def overlaid(file: Mapping[str, V], seen: Mapping[str, V], rules: Mapping[str, V]) -> dict[str, V]:
    """The rules that hold where the file now says `file`.

    What the file says otherwise than it did (`seen`) holds; where it stayed the same, `rules` do.
    """
    return {
        name: rules[name] if name in rules and seen.get(name) == value else value
        for name, value in file.items()
    }
