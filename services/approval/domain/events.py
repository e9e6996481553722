"""What approval remembers beside what it says: events without a topic, for its own views and replays."""

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
    """Nobody decides until then: somebody is about to correct the request, and intake asked first.

    Attributes:
        returns: how often it was returned before.
    """

    TYPE = "my.gov.bmt.approval.HeldForCorrection.v1"
    by: Submitter
    until: Moment
    returns: int


class PapersReceived(RequestEvent):
    """What a decider reads of a request, beside what ReviewOpened says; again after a correction.

    Attributes:
        approval_levels: how many administrators must approve, by the rules of that day.
        not_shown: the attachments of an e-mail that are not shown apart.
        corrected_by: who corrected it; None: it was handed in for the first time.
        correction_reason: why.
        while_open: nobody had asked for the correction.
    """

    TYPE = "my.gov.bmt.approval.PapersReceived.v1"
    submitted_by: Submitter
    justification: str
    documents: tuple[Document, ...]
    approval_levels: int = Field(default=1, exclude_if=_is_one)
    not_shown: tuple[NotShown, ...] = Field(default=(), exclude_if=lambda told: not told)
    corrected_by: Submitter | None = Field(default=None, exclude_if=_is_empty)
    correction_reason: str | None = Field(default=None, exclude_if=_is_empty)
    while_open: bool = Field(default=False, exclude_if=_is_empty)


class Endorsed(RequestEvent):
    """An administrator approved, and more must: nothing is said yet.

    Attributes:
        levels: how many must approve.
    """

    TYPE = "my.gov.bmt.approval.Endorsed.v1"
    endorsement: Endorsement
    levels: int


class CommentAdded(RequestEvent):
    """An administrator noted something on a request (*minit*), for colleagues alone."""

    TYPE = "my.gov.bmt.approval.CommentAdded.v1"
    by: Officer
    at: Moment
    text: str
    documents: tuple[Document, ...]


class BulkBegun(Event):
    """A bulk call was taken up: its Idempotency-Key belongs to this body from now on."""

    TYPE = "my.gov.bmt.approval.BulkBegun.v1"
    begun_by: Officer
    request_ids: tuple[str, ...]


class BulkAnswered(Event):
    """Every item of a bulk call was decided or refused: what the call is answered with, each time."""

    TYPE = "my.gov.bmt.approval.BulkAnswered.v1"
    results: tuple[RulingResult, ...]


class RulesCameIntoForce(Event):
    """Approval ran by these rules of an agency for the first time, or again after others.

    Attributes:
        number: 1 is the first that was recorded of this agency.
        policy_version: as a request keeps it.
        rules: all of them, as agencies.yaml has them.
        changed_by, changed_on, why: as the file says; None where it says nothing new.
        recorded_at: when approval started with them.
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


PRIVATE: Final = (
    HeldForCorrection,
    PapersReceived,
    Endorsed,
    CommentAdded,
    BulkBegun,
    BulkAnswered,
    RulesCameIntoForce,
)
