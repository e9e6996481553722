"""Every notice by itself: what was told of a request, and what waits for a person or for the mail server."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection
from bmt.chassis.work.queue import WorkQueue
from bmt.contracts.events import (
    About,
    NotificationFailed,
    NotificationPrepared,
    Notified,
)
from bmt.contracts.http.notification import NoticeStatus, Notification, WaitingNotification
from bmt.contracts.values import ReplyChannel
from services.notification.domain.events import NoticeDue, ResendRequested, SentAgain
from services.notification.views.work import preparing_id, sending_id

ByRequestedService = tuple[datetime, str]
"""When a notice was wanted, and which it is."""

InOrder = tuple[str, str]
"""Where a notice stands among those of its request, and which it is."""

UNTOLD: Final[Collection[NoticeStatus]] = ("due", "prepared", "failed")
"""What is listed where nothing is asked for: whoever is to read these does not have them."""

_STATUS: Final[dict[type[BaseModel], NoticeStatus]] = {
    NotificationPrepared: "prepared",
    Notified: "notified",
    NotificationFailed: "failed",
    ResendRequested: "prepared",
    SentAgain: "notified",
}
"""What each event makes of a notice."""

_ADDRESS: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")


class Told(BaseModel):
    """One notice, wherever it stands.

    Attributes:
        account: the applicant's.
        place: sorts the notices of a request in the order in which they are told.
        wanted_since: when it, or the last copy of it, was asked for.
        due_at: when an outcome must have been told (client charter).
        overdue_from: the same, until it was told.
        sending: the number of its last sending; 0: none.
        refusal: the mail server's last word, where that was a no.
    """

    model_config = ConfigDict(frozen=True)

    notification_id: str
    request_id: str
    reference: str
    agency: str
    account: str
    place: str
    about: About
    channel: ReplyChannel
    status: NoticeStatus = "due"
    document_id: str | None = None
    wanted_since: AwareDatetime
    due_at: AwareDatetime | None = None
    overdue_from: AwareDatetime | None = None
    sending: int = 0
    refusal: str | None = None

    def as_listed(self) -> Notification:
        """The notice as its applicant reads it."""
        return Notification(
            notification_id=self.notification_id,
            about=self.about,
            channel=self.channel,
            status=self.status,
            document_id=self.document_id,
        )


Notices = ViewProjection[Told]

_Moves = NotificationPrepared | Notified | NotificationFailed | ResendRequested | SentAgain


def fold(notice: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """What is known of a notice after `incoming`."""
    match incoming.data:
        case NoticeDue() as due:
            return _due(due, incoming)
        case (
            NotificationPrepared()
            | Notified()
            | NotificationFailed()
            | ResendRequested()
            | SentAgain()
        ) as event if notice is not None:
            return {**notice, **_moved(event)}
        case _:
            return notice


def _due(due: NoticeDue, incoming: IncomingEvent[BaseModel]) -> Body:
    return {
        "notification_id": due.notice.notification_id,
        "request_id": due.request.request_id,
        "reference": due.request.reference,
        "agency": due.request.agency,
        "account": due.request.applicant.account,
        # A commit may hold several, whose ids are in order.
        "place": f"{incoming.position:06}:{incoming.id}",
        "about": due.notice.about,
        "channel": due.notice.channel,
        "status": "due",
        "document_id": None,
        "wanted_since": due.wanted_at,
        "due_at": due.notice.due_at,
        "overdue_from": due.notice.due_at,
        "sending": 0,
        "refusal": None,
    }


def _moved(event: _Moves) -> Body:
    changes: Body = {"status": _STATUS[type(event)], "refusal": None}
    match event:
        case NotificationPrepared():
            changes |= {"document_id": event.document_id, "sending": 1}
        case Notified():
            changes["overdue_from"] = None
        case NotificationFailed():
            changes["refusal"] = event.reason
        case ResendRequested():
            changes |= {"wanted_since": event.requested_at, "sending": event.sending}
    return changes


def _key(incoming: IncomingEvent[BaseModel]) -> str | None:
    event = incoming.data
    return event.notification_id if isinstance(event, NoticeDue | _Moves) else None


NOTICES: Final = View(
    name="told",
    model=Told,
    fold=fold,
    key=_key,
    begins=lambda incoming: isinstance(incoming.data, NoticeDue),
    lags=True,
    indexes=[
        ("agency", "status", "wanted_since", "_id"),
        ("status", "wanted_since", "_id"),
        ("request_id", "place", "_id"),
        ("overdue_from",),
    ],
)


async def of_request(notices: Notices, request_id: str, page: PageRequest[InOrder]) -> list[Told]:
    """The notices of a request, in the order in which they are told."""
    return await notices.find(
        Query(
            equal={"request_id": request_id},
            order_by="place",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def latest(notices: Notices, request_id: str) -> Told | None:
    """The last notice of a request: it has the request's facts as they are now."""
    last = Query(equal={"request_id": request_id}, order_by="place", descending=True, limit=1)
    return next(iter(await notices.find(last)), None)


async def overdue(notices: Notices, now: datetime) -> Mapping[str, int]:
    """How many requests of each agency have an outcome that should have been told before `now`."""
    counts = await notices.count(["agency"], Query(below={"overdue_from": now}))
    return {agency: count for (agency,), count in counts.items()}


async def found(
    notices: Notices,
    agency: str | None,
    statuses: Collection[NoticeStatus],
    channel: ReplyChannel | None,
    page: PageRequest[ByRequestedService],
) -> list[Told]:
    """An agency's notices (None: all agencies'), the longest wanted first."""
    asked = {"agency": agency, "channel": channel}
    return await notices.find(
        Query(
            equal={field: value for field, value in asked.items() if value is not None},
            one_of={"status": statuses},
            order_by="wanted_since",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def told(waiting: Sequence[Told], queue: WorkQueue) -> list[WaitingNotification]:
    """Each as callers are told, with how often it was tried and what stands in its way."""
    tried = {item.id: item for item in await queue.find([_work_id(one) for one in waiting])}
    items = []
    for one in waiting:
        item = tried.get(_work_id(one))
        problem = (item.waiting_for if item else "") or one.refusal
        items.append(
            WaitingNotification(
                **one.as_listed().model_dump(),
                request_id=one.request_id,
                reference=one.reference,
                wanted_since=one.wanted_since,
                due_at=one.due_at,
                attempts=item.attempts if item else None,
                last_problem=_ADDRESS.sub("…", problem) if problem else None,
            )
        )
    return items


def _work_id(one: Told) -> str:
    if one.status == "due":
        return preparing_id(one.notification_id)
    return sending_id(one.notification_id, one.sending)
