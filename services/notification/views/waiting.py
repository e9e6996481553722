"""Every notice by itself, so that what waits for a person, or for the mail server, can be listed."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.chassis.decider import Heard
from bmt.chassis.pagination import PageRequest
from bmt.chassis.view_store import Query
from bmt.chassis.views import View, ViewProjection
from bmt.chassis.work import WorkQueue
from bmt.contracts.events import (
    About,
    NotificationFailed,
    NotificationPrepared,
    Notified,
)
from bmt.contracts.http.notification import NoticeStatus, WaitingNotification
from bmt.contracts.values import ReplyChannel
from services.notification.domain.events import NoticeDue, ResendRequested, SentAgain
from services.notification.views.correspondences import STATUS
from services.notification.views.work import preparing_id, sending_id

Place = tuple[datetime, str]
"""When it was wanted, and which it is."""

UNTOLD: Final[Collection[NoticeStatus]] = ("due", "prepared", "failed")
"""What is listed where nothing is asked for: whoever is to read these does not have them."""

_ADDRESS: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")


class Waiting(BaseModel):
    """One notice, wherever it stands.

    Attributes:
        wanted_since: when it, or the last copy of it, was asked for.
        due_at: when an outcome must have been told (client charter).
        sending: the number of its last sending; 0: none.
        refusal: the mail server's last word, where that was a no.
    """

    model_config = ConfigDict(frozen=True)

    notification_id: str
    request_id: str
    reference: str
    agency: str
    about: About
    channel: ReplyChannel
    status: NoticeStatus = "due"
    document_id: str | None = None
    wanted_since: AwareDatetime
    due_at: AwareDatetime | None = None
    sending: int = 0
    refusal: str | None = None


Notices = ViewProjection[Waiting]

_Moves = NotificationPrepared | Notified | NotificationFailed | ResendRequested | SentAgain


def _fold(notice: Waiting | None, heard: Heard[BaseModel]) -> Waiting | None:
    match heard.data:
        case NoticeDue() as due:
            return _due(due)
        case (
            NotificationPrepared()
            | Notified()
            | NotificationFailed()
            | ResendRequested()
            | SentAgain()
        ) as event if notice is not None:
            return notice.model_copy(update=_moved(event))
        case _:
            return notice


def _due(due: NoticeDue) -> Waiting:
    return Waiting(
        notification_id=due.notice.notification_id,
        request_id=due.request.request_id,
        reference=due.request.reference,
        agency=due.request.agency,
        about=due.notice.about,
        channel=due.notice.channel,
        wanted_since=due.wanted_at,
        due_at=due.notice.due_at,
    )


def _moved(event: _Moves) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": STATUS[type(event)], "refusal": None}
    match event:
        case NotificationPrepared():
            changes |= {"document_id": event.document_id, "sending": 1}
        case NotificationFailed():
            changes["refusal"] = event.reason
        case ResendRequested():
            changes |= {"wanted_since": event.requested_at, "sending": event.sending}
    return changes


def _key(heard: Heard[BaseModel]) -> str | None:
    event = heard.data
    return event.notification_id if isinstance(event, NoticeDue | _Moves) else None


NOTICES: Final = View(
    name="notices",
    model=Waiting,
    fold=_fold,
    key=_key,
    begins=lambda heard: isinstance(heard.data, NoticeDue),
    indexes=[
        ("agency", "status", "wanted_since", "_id"),
        ("status", "wanted_since", "_id"),
        ("request_id",),
    ],
)


async def found(
    notices: Notices,
    agency: str | None,
    statuses: Collection[NoticeStatus],
    channel: ReplyChannel | None,
    page: PageRequest[Place],
) -> list[Waiting]:
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


async def told(waiting: Sequence[Waiting], queue: WorkQueue) -> list[WaitingNotification]:
    """Each as callers are told, with how often it was tried and what stands in its way."""
    tried = {item.id: item for item in await queue.find([_work_id(one) for one in waiting])}
    items = []
    for one in waiting:
        item = tried.get(_work_id(one))
        problem = (item.waiting_for if item else "") or one.refusal
        items.append(
            WaitingNotification(
                **one.model_dump(exclude={"agency", "sending", "refusal"}),
                attempts=item.attempts if item else None,
                last_problem=_ADDRESS.sub("…", problem) if problem else None,
            )
        )
    return items


def _work_id(one: Waiting) -> str:
    if one.status == "due":
        return preparing_id(one.notification_id)
    return sending_id(one.notification_id, one.sending)
