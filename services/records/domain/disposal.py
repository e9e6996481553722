"""The disposal of a person's data: one administrator proposes, another approves.

Each has its own stream, `disposal-<id>`. Its effect on a file is recorded in the file's own stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, JsonValue

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.http.records import DisposalStatus
from bmt.contracts.values import GONE, immutable
from services.records.domain.errors import (
    DisposalDecided,
    DisposalNotFound,
    NotDisposable,
    ProposedByThemselves,
)
from services.records.domain.events import (
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
)

GONE_EMAIL: Final = "disposed-of@disposed.invalid"
GONE_DOCUMENT: Final = f"sha256:{'0' * 64}"
"""These replace a value that was disposed of where its place does not take `GONE`."""

Why = Literal["open", "held", "kept"]
"""Why a file keeps the data: it is not complete, somebody holds it, or its retention is not over."""

STATUS: Final[Mapping[str, DisposalStatus]] = {
    DisposalProposed.TYPE: "proposed",
    DisposalApproved.TYPE: "approved",
    DisposalRejected.TYPE: "rejected",
    DisposalBegun.TYPE: "begun",
    DisposalCarriedOut.TYPE: "carried_out",
    DisposalStopped.TYPE: "stopped",
}
"""The status of a disposal after each event."""


@immutable
class Blocker:
    """A file that must keep its data.

    Attributes:
        until: when its retention ends, if that is the reason.
    """

    request_id: str
    why: Why
    until: datetime | None = None


@immutable
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


@immutable
class RuleOnDisposal:
    """Approve or reject the proposal."""

    approved: bool
    reason: str | None
    agency: str
    decided_by: str
    at: datetime


@immutable
class BeginDisposal:
    """Start to carry it out; or, with blockers, note that it must not be.

    This precedes the first entry in a file, because entries in a chain cannot be undone.
    """

    blockers: tuple[Blocker, ...]
    at: datetime


@immutable
class EndDisposal:
    """Note that the keys are destroyed."""

    at: datetime


Command = ProposeDisposal | RuleOnDisposal | BeginDisposal | EndDisposal


@immutable
class NotProposed:
    """There is no such disposal."""


@immutable
class Disposal:
    """The state of a disposal."""

    proposed: DisposalProposed
    status: DisposalStatus = "proposed"
    approved_by: str | None = None


State = NotProposed | Disposal


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        Refused: one of `errors`.
    """
    if isinstance(command, ProposeDisposal):
        return [_proposed(command)]
    if isinstance(state, NotProposed):
        raise DisposalNotFound
    match command:
        case RuleOnDisposal():
            return [_ruled(command, state)]
        case BeginDisposal():
            return _begun(command, state)
        case EndDisposal():
            return _ended(command, state)


def _proposed(command: ProposeDisposal) -> Event:
    if not command.keys:
        raise DisposalNotFound
    if command.blockers:
        raise NotDisposable(extra={"blocked_by": [_as_json(one) for one in command.blockers]})
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


def _as_json(blocker: Blocker) -> JsonValue:
    until = {"until": blocker.until.isoformat()} if blocker.until else {}
    return {"request_id": blocker.request_id, "why": blocker.why, **until}


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


def evolve(state: State, event: BaseModel) -> State:
    """The disposal after `event`."""
    match state, event:
        case _, DisposalProposed():
            return Disposal(event)
        case Disposal(), DisposalApproved():
            return replace(state, status="approved", approved_by=event.approved_by)
        case Disposal(), DisposalCarriedOut():
            return replace(state, status="carried_out", proposed=_without_person(state.proposed))
        case Disposal(), DisposalRejected() | DisposalBegun() | DisposalStopped():
            return replace(state, status=STATUS[event.TYPE])
        case _:
            return state


def _without_person(proposed: DisposalProposed) -> DisposalProposed:
    return proposed.model_copy(update={"account": GONE, "reason": GONE})


DECIDER: Final[Decider[Command, State]] = Decider(NotProposed(), decide, evolve)
