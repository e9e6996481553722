"""The list of disposals, as administrators and auditors see it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View
from bmt.contracts.http.disposal import DisposalItem, DisposalStatus
from services.records.domain import events
from services.records.domain.disposals import (
    GONE,
)
from services.records.domain.events import (
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
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


def _fold(item: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    event: Any = incoming.data
    if isinstance(event, DisposalProposed):
        return _proposed(event)
    if item is None:
        return None
    changes: Body = {"status": STATUS[event.TYPE]}
    match event:
        case DisposalApproved(approved_by=by, at=at) | DisposalRejected(rejected_by=by, at=at):
            changes |= {"decided_by": by, "decided_at": at}
        case DisposalCarriedOut(at=at):
            changes |= {"ended_at": at, "account": GONE, "reason": GONE}
        case DisposalStopped(at=at):
            changes |= {"ended_at": at}
    return {**item, **changes}


def _proposed(event: DisposalProposed) -> Body:
    return {
        "disposal_id": event.disposal_id,
        "status": "proposed",
        "agency": event.agency,
        "account": event.account,
        "reason": event.reason,
        "request_ids": list(event.request_ids),
        "proposed_by": event.proposed_by,
        "proposed_at": event.at,
        "decided_by": None,
        "decided_at": None,
        "ended_at": None,
    }


DISPOSALS: Final = View(
    name="disposals",
    model=DisposalItem,
    fold=_fold,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, events.EVENTS) else None,
    indexes=(("agency", "proposed_at", "_id"), ("proposed_at", "_id")),
)
"""All disposals, the newest first."""
