"""The disposal of one person's data: proposed by one administrator, approved by another, then carried out.

A stream of its own (`disposal-<id>`); what it does to a file stands in the file's own stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, JsonValue

from bmt.contracts.events import Event
from bmt.contracts.problems import Refused
from bmt.contracts.values import Moment

Why = Literal["open", "held", "kept"]
"""Why a file keeps a person's data: it is not complete; somebody holds it; its time is not over."""

Status = Literal["proposed", "approved", "rejected", "carried_out", "stopped"]


@dataclass(frozen=True, slots=True)
class Blocker:
    """A file that must keep its data.

    Attributes:
        request_id: whose file.
        why: see `Why`.
        until: when its time is over; None where that is not the reason.
    """

    request_id: str
    why: Why
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProposeDisposal:
    """Dispose of all that is sealed under a person's keys.

    Attributes:
        keys: the ids of every key of the person.
        request_ids: the files in which something is sealed under them.
        blockers: those of the files that must keep it.
    """

    disposal_id: str
    agency: str
    account: str
    reason: str
    keys: tuple[str, ...]
    request_ids: tuple[str, ...]
    blockers: tuple[Blocker, ...]
    proposed_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RuleOnDisposal:
    """Approve or reject what was proposed."""

    approved: bool
    reason: str | None
    agency: str
    decided_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EndDisposal:
    """Note that the keys are destroyed; or, with blockers, that it must not be."""

    blockers: tuple[Blocker, ...]
    at: datetime


DisposalCommand = ProposeDisposal | RuleOnDisposal | EndDisposal


class DisposalProposed(Event):
    """Somebody asks for it. Account and reason are sealed under the person's key (`key`) themselves."""

    TYPE = "my.gov.bmt.records.DisposalProposed.v1"
    disposal_id: str
    agency: str
    account: str
    reason: str
    keys: tuple[str, ...]
    request_ids: tuple[str, ...]
    proposed_by: str
    at: Moment
    key: str


class DisposalApproved(Event):
    """Another administrator agrees: it is carried out."""

    TYPE = "my.gov.bmt.records.DisposalApproved.v1"
    disposal_id: str
    approved_by: str
    at: Moment


class DisposalRejected(Event):
    """Another administrator, or the same, does not."""

    TYPE = "my.gov.bmt.records.DisposalRejected.v1"
    disposal_id: str
    rejected_by: str
    at: Moment
    reason: str | None
    key: str


class DisposalCarriedOut(Event):
    """The keys are destroyed: what was sealed under them is gone."""

    TYPE = "my.gov.bmt.records.DisposalCarriedOut.v1"
    disposal_id: str
    at: Moment


class DisposalStopped(Event):
    """A file came to need its data, or was held, between the approval and its end."""

    TYPE = "my.gov.bmt.records.DisposalStopped.v1"
    disposal_id: str
    at: Moment
    held: tuple[str, ...]


EVENTS: Final = (
    DisposalProposed,
    DisposalApproved,
    DisposalRejected,
    DisposalCarriedOut,
    DisposalStopped,
)


@dataclass(frozen=True, slots=True)
class Disposal:
    """How far it is."""

    proposed: DisposalProposed
    status: Status = "proposed"
    approved_by: str | None = None


class DisposalNotFound(Refused):
    """There is none of this id, or it is another agency's."""

    problem = "not_found"


class NotDisposable(Refused):
    """Files must keep the data: `blocked_by` tells which, and why."""

    problem = "not_disposable"


class ProposedByThemselves(Refused):
    """Who proposed a disposal cannot approve it."""

    problem = "own_request"


class DisposalDecided(Refused):
    """It was decided on before."""

    problem = "already_decided"


def decide(command: DisposalCommand, state: object) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        DisposalNotFound, NotDisposable, ProposedByThemselves, DisposalDecided: as they say.
    """
    if isinstance(command, ProposeDisposal):
        return [_proposed(command)]
    if not isinstance(state, Disposal):
        raise DisposalNotFound
    if isinstance(command, RuleOnDisposal):
        return [_ruled(command, state)]
    return _ended(command, state)


def _proposed(command: ProposeDisposal) -> Event:
    if not command.keys:
        raise DisposalNotFound
    if command.blockers:
        raise NotDisposable(extra={"blocked_by": [told(one) for one in command.blockers]})
    return DisposalProposed(
        disposal_id=command.disposal_id,
        agency=command.agency,
        account=command.account,
        reason=command.reason,
        keys=command.keys,
        request_ids=command.request_ids,
        proposed_by=command.proposed_by,
        at=command.at,
        key=command.keys[0],
    )


def _ruled(command: RuleOnDisposal, state: Disposal) -> Event:
    proposed = state.proposed
    if command.agency != proposed.agency:
        raise DisposalNotFound
    if state.status != "proposed":
        raise DisposalDecided(extra={"decision": state.status})
    if not command.approved:
        return DisposalRejected(
            disposal_id=proposed.disposal_id,
            rejected_by=command.decided_by,
            at=command.at,
            reason=command.reason,
            key=proposed.key,
        )
    if command.decided_by == proposed.proposed_by:
        raise ProposedByThemselves
    return DisposalApproved(
        disposal_id=proposed.disposal_id, approved_by=command.decided_by, at=command.at
    )


def _ended(command: EndDisposal, state: Disposal) -> Sequence[Event]:
    if state.status != "approved":
        return []
    disposal_id = state.proposed.disposal_id
    if command.blockers:
        held = tuple(one.request_id for one in command.blockers)
        return [DisposalStopped(disposal_id=disposal_id, at=command.at, held=held)]
    return [DisposalCarriedOut(disposal_id=disposal_id, at=command.at)]


def evolve(state: object, event: BaseModel) -> object:
    """The disposal after `event`; what is no disposal stays what it is."""
    match state, event:
        case _, DisposalProposed():
            return Disposal(event)
        case Disposal(), DisposalApproved():
            return replace(state, status="approved", approved_by=event.approved_by)
        case Disposal(), DisposalRejected():
            return replace(state, status="rejected")
        case Disposal(), DisposalCarriedOut():
            return replace(state, status="carried_out", proposed=_without_person(state.proposed))
        case Disposal(), DisposalStopped():
            return replace(state, status="stopped")
        case _:
            return state


def _without_person(proposed: DisposalProposed) -> DisposalProposed:
    return proposed.model_copy(update={"account": GONE, "reason": GONE})


GONE: Final = "disposed-of"
GONE_EMAIL: Final = "disposed-of@disposed.invalid"
GONE_DOCUMENT: Final = f"sha256:{'0' * 64}"
"""What stands in the place of a value that is gone, in the form that is due there."""


def told(blocker: Blocker) -> JsonValue:
    """A blocker as an answer tells of it."""
    until = {"until": blocker.until.isoformat()} if blocker.until else {}
    return {"request_id": blocker.request_id, "why": blocker.why, **until}
