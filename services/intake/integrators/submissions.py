"""The submissions of each integrator: a view of their outcomes, and its queries."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.contracts.answers import FaultyField
from bmt.contracts.values import Moment, Status
from services.intake.domain.events import SubmissionAnswered
from services.intake.queries import Place, newest

_NAMESAKES: Final = 50


class SubmissionDocument(BaseModel):
    """One submission, identified by source and id.

    Attributes:
        key: the document's key, for lists.
        received_at: when it was accepted; before that, when it was last refused.
        refused_at: when it was last refused; None: it was accepted.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    integrator: str
    submission_id: str
    source_reference: str | None
    received_at: Moment
    refused_at: Moment | None
    request_id: str | None
    reference: str | None
    status: Status | None
    reason: str | None
    detail: str | None
    errors: tuple[FaultyField, ...]


def fold_submission(document: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """An acceptance stays, whatever else has its id; of several refusals the last counts."""
    event: SubmissionAnswered = incoming.data
    if event.request_id is None and document is not None:
        refused_before = document["refused_at"]
        if refused_before is None or refused_before >= event.answered_at:
            return document
    return {
        "key": _key_of(event),
        "integrator": event.integrator,
        "submission_id": event.submission_id,
        "source_reference": event.source_reference,
        "received_at": event.answered_at,
        "refused_at": event.answered_at if event.request_id is None else None,
        "request_id": event.request_id,
        "reference": event.reference,
        "status": event.progress.status if event.progress else None,
        "reason": event.reason,
        "detail": event.detail,
        "errors": as_stored(event.errors),
    }


def _key(incoming: IncomingEvent[Any]) -> str | None:
    return _key_of(incoming.data) if isinstance(incoming.data, SubmissionAnswered) else None


def _key_of(event: SubmissionAnswered) -> str:
    named = (event.integrator, event.source, event.submission_id)
    return sha256("\0".join(named).encode()).hexdigest()[:40]


SUBMISSIONS: Final = View(
    name="submissions",
    model=SubmissionDocument,
    fold=fold_submission,
    key=_key,
    indexes=(
        ("integrator", "received_at", "_id"),
        ("integrator", "source_reference", "received_at", "_id"),
        ("integrator", "submission_id", "_id"),
        ("request_id", "_id"),
        ("refused_at", "_id"),
    ),
)


class Submissions:
    """Queries of an integrator's own submissions."""

    def __init__(self, view: ViewProjection[SubmissionDocument]) -> None:
        self._view = view

    async def get(self, integrator: str, submission_id: str) -> SubmissionDocument | None:
        """The submission of this id; if several sources use it, the accepted or the latest one."""
        named = {"integrator": integrator, "submission_id": submission_id}
        found = await self._view.find(Query(equal=named, limit=_NAMESAKES))
        latest = sorted(found, key=lambda one: (one.refused_at is None, one.received_at))
        return latest[-1] if latest else None

    async def find(
        self,
        integrator: str,
        source_reference: str | None,
        page: PageRequest[Place],
    ) -> Sequence[SubmissionDocument]:
        """The newest, up to the page's lookahead."""
        named = {"source_reference": source_reference} if source_reference else {}
        return await self._view.find(newest(page, {"integrator": integrator, **named}))
