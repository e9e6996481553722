"""The requests that approval has not approved: what each asks for, and whether it is still under review.

Approval's events fill it. An approval does not: what follows from it is told by the request's own stream.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, ViewProjection
from bmt.contracts.events import (
    Granted,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.values import Kind

ReviewStatus = Literal["open", "returned", "rejected", "withdrawn"]

_STATUS: Final[Mapping[type[BaseModel], ReviewStatus]] = MappingProxyType(
    {
        ReviewOpened: "open",
        ReturnedForCorrection: "returned",
        Rejected: "rejected",
        Withdrawn: "withdrawn",
    }
)


class Review(BaseModel):
    """A request as it was last heard of under review: no more than a plan needs.

    Attributes:
        agency: whose it is.
        kind: whether the service is to be given or taken away.
        account: the applicant's.
        asked: the sizes it asks for.
        status: `open` also after an approval.
    """

    model_config = ConfigDict(frozen=True)

    agency: str
    kind: Kind
    account: str
    asked: Granted
    status: ReviewStatus


Reviews = ViewProjection[Review]


def fold(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The request after `incoming`: each event carries all of its facts."""
    event = incoming.data
    status = _STATUS.get(type(event))
    if status is None or not isinstance(event, RequestEvent):
        return document
    request = event.request
    return {
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account,
        "asked": {
            "quota_bytes": request.quota_bytes,
            "max_file_size_bytes": request.max_file_size_bytes,
        },
        "status": status,
    }


def review_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The request's id; only what opens or ends a review says anything of it."""
    return (incoming.subject or None) if type(incoming.data) in _STATUS else None


REVIEWS: Final = View(name="reviews", model=Review, fold=fold, key=review_key)
