"""The list of disposals, as administrators and auditors see it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.decider import Heard
from bmt.chassis.views import View
from bmt.contracts.http.disposal import DisposalItem, DisposalStatus
from services.records.domain import disposal_events
from services.records.domain.disposal_events import (
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
)
from services.records.domain.disposals import (
    GONE,
)

STATUS: Final[Mapping[str, DisposalStatus]] = {
    DisposalProposed.TYPE: "proposed",
    DisposalApproved.TYPE: "approved",
    DisposalRejected.TYPE: "rejected",
    DisposalBegun.TYPE: "begun",
    DisposalCarriedOut.TYPE: "carried_out",
    DisposalStopped.TYPE: "stopped",
}
"""What each event makes of a disposal."""


def _fold(item: DisposalItem | None, heard: Heard[BaseModel]) -> DisposalItem | None:
    event: Any = heard.data
    if isinstance(event, DisposalProposed):
        facts = event.model_dump(exclude={"keys", "key", "at"})
        return DisposalItem(**facts, status="proposed", proposed_at=event.at)
    if item is None:
        return None
    changes: dict[str, Any] = {"status": STATUS[event.TYPE]}
    match event:
        case DisposalApproved(approved_by=by, at=at) | DisposalRejected(rejected_by=by, at=at):
            changes |= {"decided_by": by, "decided_at": at}
        case DisposalCarriedOut(at=at):
            changes |= {"ended_at": at, "account": GONE, "reason": GONE}
        case DisposalStopped(at=at):
            changes |= {"ended_at": at}
    return item.model_copy(update=changes)


DISPOSALS: Final = View(
    name="disposals",
    model=DisposalItem,
    fold=_fold,
    key=lambda heard: heard.subject if isinstance(heard.data, disposal_events.EVENTS) else None,
    indexes=(("agency", "proposed_at", "_id"), ("proposed_at", "_id")),
)
"""All disposals, the newest first."""
