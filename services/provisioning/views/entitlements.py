"""What is in force for each account, with its evidence."""

from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.contracts.events import Configured
from bmt.contracts.http.provisioning import Entitlement

Entitlements = ViewProjection[Entitlement]


def fold(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """What was configured last; requests of one account come in any order when the view is rebuilt."""
    configured = incoming.data
    if not isinstance(configured, Configured):
        return document
    if document is not None and document["configured_at"] > configured.configured_at:
        return document
    request = configured.request
    return {
        "account": request.applicant.account,
        "agency": request.agency,
        "request_id": request.request_id,
        "reference": request.reference,
        "kind": request.kind,
        "effective": configured.effective.model_dump(),
        "configured_by": configured.configured_by.model_dump(),
        "configured_at": configured.configured_at,
        "evidence": as_stored(configured.evidence),
    }


def account_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The account, as IPMS compares it; only what was configured says anything of it."""
    event = incoming.data
    return event.request.applicant.account.casefold() if isinstance(event, Configured) else None


ENTITLEMENTS: Final = View(
    name="entitlements",
    model=Entitlement,
    fold=fold,
    key=account_key,
    # A request is configured once: nothing before it in its stream belongs here.
    begins=lambda _: True,
)
