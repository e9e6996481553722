"""What was told about each request."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.chassis.decider import Heard
from bmt.chassis.view_store import Query
from bmt.chassis.views import View, ViewProjection
from bmt.contracts.events import NotificationFailed, NotificationPrepared, Notified, RequestEvent
from bmt.contracts.http.notification import NoticeStatus, Notification
from services.notification.domain.events import NoticeDue, ResendRequested, SentAgain

STATUS: Final[dict[type[BaseModel], NoticeStatus]] = {
    NotificationPrepared: "prepared",
    Notified: "notified",
    NotificationFailed: "failed",
    ResendRequested: "prepared",
    SentAgain: "notified",
}
"""What each event makes of a notice."""


class Told(BaseModel):
    """All notices of one request, in the order in which they are told.

    Attributes:
        account: the applicant's.
        outcome_due_at: when the outcome must have been told (client charter); None before there is
            one, and after it was told.
    """

    model_config = ConfigDict(frozen=True)

    request_id: str
    agency: str
    account: str
    notices: tuple[Notification, ...] = ()
    outcome_due_at: AwareDatetime | None = None

    def notice(self, notification_id: str) -> Notification | None:
        """The notice of this id."""
        return next((one for one in self.notices if one.notification_id == notification_id), None)


Correspondences = ViewProjection[Told]


def fold(document: Told | None, heard: Heard[BaseModel]) -> Told | None:
    """What is known of a request's notices after `heard`."""
    match heard.data:
        case NoticeDue() as due:
            return _with_due(document, due)
        case (
            NotificationPrepared()
            | Notified()
            | NotificationFailed()
            | ResendRequested()
            | SentAgain()
        ) as event if document:
            return _moved(document, event)
        case _:
            return document


def _with_due(document: Told | None, due: NoticeDue) -> Told:
    request, notice = due.request, due.notice
    item = Notification(
        notification_id=notice.notification_id,
        about=notice.about,
        channel=notice.channel,
        status="due",
        document_id=None,
    )
    return Told(
        request_id=request.request_id,
        agency=request.agency,
        account=request.applicant.account,
        notices=(*(document.notices if document else ()), item),
        outcome_due_at=notice.due_at or (document.outcome_due_at if document else None),
    )


def _moved(
    document: Told,
    event: NotificationPrepared | Notified | NotificationFailed | ResendRequested | SentAgain,
) -> Told:
    changes: dict[str, object] = {"status": STATUS[type(event)]}
    if isinstance(event, NotificationPrepared):
        changes["document_id"] = event.document_id
    notices = tuple(
        one.model_copy(update=changes) if one.notification_id == event.notification_id else one
        for one in document.notices
    )
    told = isinstance(event, Notified) and event.about not in ("acknowledgement", "returned")
    due_at = None if told else document.outcome_due_at
    return document.model_copy(update={"notices": notices, "outcome_due_at": due_at})


def _request(heard: Heard[BaseModel]) -> str | None:
    return heard.subject if isinstance(heard.data, RequestEvent) else None


CORRESPONDENCES: Final = View(
    name="correspondences",
    model=Told,
    fold=fold,
    key=_request,
    indexes=[("notices.notification_id", "_id"), ("outcome_due_at",)],
)


async def with_notice(correspondences: Correspondences, notification_id: str) -> Told | None:
    """All that is told about the request that this notice belongs to."""
    query = Query(equal={"notices.notification_id": notification_id}, limit=1)
    return next(iter(await correspondences.find(query)), None)


async def overdue(correspondences: Correspondences, now: datetime) -> Mapping[str, int]:
    """How many requests of each agency have an outcome that should have been told before `now`."""
    counts = await correspondences.count(["agency"], Query(below={"outcome_due_at": now}))
    return {agency: count for (agency,), count in counts.items()}
