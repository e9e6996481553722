"""Drift: what targets show, against what was configured; and what an officer, or the agency's rules, decide about it.

A difference is recorded once, however often it is seen, and until it changes or is gone.
"""

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from pydantic import BaseModel

from bmt.contracts.events import Event, PlannedChange, Target
from services.provisioning.domain.configuration import (
    AcceptDrift,
    ClearDrift,
    Configured,
    Correct,
    Due,
    NotRequested,
    ObserveTargets,
    Started,
    State,
)
from services.provisioning.domain.errors import (
    NoDrift,
    Overtaken,
    OwnAccount,
    UnknownRequest,
)
from services.provisioning.domain.events import (
    CorrectionRequested,
    DriftAccepted,
    DriftCleared,
    DriftDetected,
)
from services.provisioning.domain.order import WORKLIST, changes

_TARGETS: Final[Sequence[Target]] = get_args(Target)
FEW: Final = 10
"""Up to this many are believed, whatever share of all accounts they are."""


def are_too_many(count: int, total: int, most_percent: float) -> bool:
    """Whether so many differences at once mean that the target's answer is wrong, not the accounts."""
    return count > max(FEW, total * most_percent / 100)


def observe(command: ObserveTargets, state: State) -> Sequence[Event]:
    """Of a target that did not answer, what is known stays."""
    if not isinstance(state, Configured):
        return ()
    known = state.drift.differences if state.drift else ()
    found = tuple(
        change for target in _TARGETS for change in _found(target, command.shown, state, known)
    )
    if found == known:
        return ()
    request = state.order.request
    if not found:
        return [DriftCleared(request=request, cleared_at=command.at)]
    return [DriftDetected(request=request, differences=found, detected_at=command.at)]


def _found(
    target: Target,
    shown: Mapping[Target, BaseModel],
    state: Configured,
    known: Sequence[PlannedChange],
) -> Sequence[PlannedChange]:
    if target not in shown:
        return [change for change in known if change.target == target]
    return changes(target, shown[target], getattr(state.said.effective, target))


def clear(command: ClearDrift, state: State) -> Sequence[Event]:
    if not isinstance(state, Configured) or state.drift is None:
        return ()
    return [DriftCleared(request=state.order.request, cleared_at=command.at)]


def accept(command: AcceptDrift, state: State) -> Sequence[Event]:
    """Accepting again changes nothing."""
    configured = _with_drift(command, state)
    if configured is None or configured.accepted:
        return ()
    return [
        DriftAccepted(
            request=configured.order.request,
            accepted_by=command.officer,
            accepted_at=command.at,
            reason=command.reason,
        )
    ]


def correct(command: Correct, state: State) -> Sequence[Event]:
    """Also what was accepted. A correction that is under way needs no second one."""
    configured = _with_drift(command, state)
    if configured is None:
        return ()
    if command.overtaken:
        raise Overtaken
    order, now = configured.order, command.policy.ipms_connector
    return [
        CorrectionRequested(
            request=order.request,
            requested_by=command.officer,
            requested_at=command.at,
            reason=command.reason,
            ipms_connector=order.ipms_connector if now == WORKLIST else now,
            due_at=command.policy.due_at(command.at),
        )
    ]


def _with_drift(command: AcceptDrift | Correct, state: State) -> Configured | None:
    """The state to decide about; None: it is being corrected.

    Raises:
        Refused: there is no drift, or this officer may not decide about it.
    """
    if isinstance(state, NotRequested) or state.order.request.agency != command.agency:
        raise UnknownRequest
    if command.officer.subject.casefold() == state.order.account.casefold():
        raise OwnAccount
    if isinstance(state, Due | Started) and state.corrects:
        return None
    if not isinstance(state, Configured) or state.drift is None:
        raise NoDrift
    return state
