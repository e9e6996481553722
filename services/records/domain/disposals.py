"""The disposal of a person's data: one administrator proposes, another approves.

Each has its own stream, `disposal-<id>`. Its effect on a file is recorded in the file's own stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, JsonValue

from bmt.contracts.events import Event
from bmt.contracts.problems import Refused
from services.records.domain.events import (
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
)

Why = Literal["open", "held", "kept"]
"""Why a file keeps the data: it is not complete, somebody holds it, or its retention is not over."""

Status = Literal["proposed", "approved", "rejected", "begun", "carried_out", "stopped"]


@dataclass(frozen=True, slots=True)
class Blocker:
    """A file that must keep its data.

    Attributes:
        until: when its retention ends, if that is the reason.
    """

    request_id: str
    why: Why
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProposeDisposal:
    """Dispose of everything that is sealed under a person's keys.

    Attributes:
        keys: the ids of all keys of the person.
        request_ids: the files that contain something sealed under them.
        blockers: the files that must keep it.
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
    """Approve or reject the proposal."""

    approved: bool
    reason: str | None
    agency: str
    decided_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BeginDisposal:
    """Start to carry it out; or, with blockers, note that it must not be.

    This precedes the first entry in a file, because entries in a chain cannot be undone.
    """

    blockers: tuple[Blocker, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class EndDisposal:
    """Note that the keys are destroyed."""

    at: datetime


DisposalCommand = ProposeDisposal | RuleOnDisposal | BeginDisposal | EndDisposal


@dataclass(frozen=True, slots=True)
class Disposal:
    """The state of a disposal."""

    proposed: DisposalProposed
    status: Status = "proposed"
    approved_by: str | None = None


class DisposalNotFound(Refused):
    """There is none with this id, or it is another agency's."""

    problem = "not_found"


class NotDisposable(Refused):
    """Files must keep the data. `blocked_by` lists them with the reasons."""

    problem = "not_disposable"


class ProposedByThemselves(Refused):
    """The proposer cannot approve the disposal."""

    problem = "own_request"


class DisposalDecided(Refused):
    """It was already approved or rejected."""

    problem = "already_decided"


def decide(command: DisposalCommand, state: object) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        DisposalNotFound, NotDisposable, ProposedByThemselves, DisposalDecided: see each.
    """
    if isinstance(command, ProposeDisposal):
        return [_proposed(command)]
    if not isinstance(state, Disposal):
        raise DisposalNotFound
    if isinstance(command, RuleOnDisposal):
        return [_ruled(command, state)]
    if isinstance(command, BeginDisposal):
        return _begun(command, state)
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


def _begun(command: BeginDisposal, state: Disposal) -> Sequence[Event]:
    if state.status != "approved":
        return []
    disposal_id = state.proposed.disposal_id
    if command.blockers:
        held = tuple(one.request_id for one in command.blockers)
        return [DisposalStopped(disposal_id=disposal_id, at=command.at, held=held)]
    return [DisposalBegun(disposal_id=disposal_id, at=command.at)]


def _ended(command: EndDisposal, state: Disposal) -> Sequence[Event]:
    if state.status != "begun":
        return []
    return [DisposalCarriedOut(disposal_id=state.proposed.disposal_id, at=command.at)]


_STATUS: Final[Mapping[type[Event], Status]] = {
    DisposalRejected: "rejected",
    DisposalBegun: "begun",
    DisposalStopped: "stopped",
}


def evolve(state: object, event: BaseModel) -> object:
    """The disposal after `event`. Any other state stays unchanged."""
    match state, event:
        case _, DisposalProposed():
            return Disposal(event)
        case Disposal(), DisposalApproved():
            return replace(state, status="approved", approved_by=event.approved_by)
        case Disposal(), DisposalCarriedOut():
            return replace(state, status="carried_out", proposed=_without_person(state.proposed))
        case Disposal(), DisposalRejected() | DisposalBegun() | DisposalStopped():
            return replace(state, status=_STATUS[type(event)])
        case _:
            return state


def _without_person(proposed: DisposalProposed) -> DisposalProposed:
    return proposed.model_copy(update={"account": GONE, "reason": GONE})


GONE: Final = "disposed-of"
GONE_EMAIL: Final = "disposed-of@disposed.invalid"
GONE_DOCUMENT: Final = f"sha256:{'0' * 64}"
"""These replace a value that was disposed of, in the format that its place requires."""


def told(blocker: Blocker) -> JsonValue:
    """A blocker, as in an API response."""
    until = {"until": blocker.until.isoformat()} if blocker.until else {}
    return {"request_id": blocker.request_id, "why": blocker.why, **until}
