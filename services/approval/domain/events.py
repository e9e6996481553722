"""The private events of approval, which are not published."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pydantic import Field, JsonValue

from bmt.contracts.events import Endorsement, Event, RequestEvent
from bmt.contracts.http.approval import RulingResult
from bmt.contracts.values import Document, Moment, NotShown, Officer, Submitter


def _is_empty(value: object) -> bool:
    return not value


def _is_one(levels: object) -> bool:
    return levels == 1


class HeldForCorrection(Event):
    """Intake announced a correction: nobody decides before `until`.

    Attributes:
        returns: how often the request was returned before.
    """

    TYPE = "my.gov.bmt.approval.HeldForCorrection.v1"
    by: Submitter
    until: Moment
    returns: int


class PapersReceived(RequestEvent):
    """What ReviewOpened leaves out of a request; recorded again after a correction.

    Attributes:
        approval_levels: how many administrators must approve, by the rules of that day.
        not_shown: the attachments of an e-mail that cannot be shown.
        corrected_by: None: this is no correction.
        while_open: the correction was not asked for.
    """

    TYPE = "my.gov.bmt.approval.PapersReceived.v1"
    submitted_by: Submitter
    justification: str
    documents: tuple[Document, ...]
    approval_levels: int = Field(default=1, exclude_if=_is_one)
    not_shown: tuple[NotShown, ...] = Field(default=(), exclude_if=lambda shown: not shown)
    corrected_by: Submitter | None = Field(default=None, exclude_if=_is_empty)
    correction_reason: str | None = Field(default=None, exclude_if=_is_empty)
    while_open: bool = Field(default=False, exclude_if=_is_empty)


class Endorsed(RequestEvent):
    """An administrator approved, but not the last of the `levels` that must."""

    TYPE = "my.gov.bmt.approval.Endorsed.v1"
    endorsement: Endorsement
    levels: int


class CommentAdded(RequestEvent):
    """An administrator commented on a request (*minit*), for colleagues only."""

    TYPE = "my.gov.bmt.approval.CommentAdded.v1"
    by: Officer
    at: Moment
    text: str
    documents: tuple[Document, ...]


class BulkBegun(Event):
    """A bulk call began: its Idempotency-Key now belongs to this body."""

    TYPE = "my.gov.bmt.approval.BulkBegun.v1"
    begun_by: Officer
    request_ids: tuple[str, ...]


class BulkAnswered(Event):
    """All items of a bulk call were decided or refused; every retry gets these results."""

    TYPE = "my.gov.bmt.approval.BulkAnswered.v1"
    results: tuple[RulingResult, ...]


class RulesCameIntoForce(Event):
    """An agency's rules changed: its file when approval started, or somebody in the console.

    Attributes:
        number: counts the agency's versions from 1.
        policy_version: as requests keep it.
        rules: all of them, as in agencies.yaml.
        changed_by, changed_on, why: of a file as it says; None if it names no new change.
        recorded_at: when approval started with them, or the console sent them.
        changed_by_account: of the officer in the console; None: the file changed.
        in_force_from: a day in Malaysia; None: that of `recorded_at`.
        withdraws: the number of the waiting version that this one takes back.
        file: the settings in which agencies.yaml differs from `rules`.
    """

    TYPE = "my.gov.bmt.approval.RulesCameIntoForce.v1"
    agency: str
    number: int
    policy_version: str
    rules: Mapping[str, JsonValue]
    changed_by: str | None
    changed_on: date | None
    why: str | None
    recorded_at: Moment
    changed_by_account: str | None = Field(default=None, exclude_if=_is_empty)
    in_force_from: date | None = Field(default=None, exclude_if=_is_empty)
    withdraws: int | None = Field(default=None, exclude_if=_is_empty)
    file: Mapping[str, JsonValue] = Field(default_factory=dict, exclude_if=_is_empty)


PRIVATE: Final = (
    HeldForCorrection,
    PapersReceived,
    Endorsed,
    CommentAdded,
    BulkBegun,
    BulkAnswered,
    RulesCameIntoForce,
)
