"""The work that is still to be done: messages to compose and to send, reminders to send in time."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.work.queue import Remove, WorkChange, WorkItem, WorkQueue
from bmt.contracts.events import (
    About,
    NotificationFailed,
    NotificationPrepared,
    Notified,
)
from bmt.contracts.http.notification import NoticeStatus, Notification, WaitingNotification
from bmt.contracts.values import ReplyChannel
from services.notification.domain.events import (
    FailureDue,
    FailureTold,
    Level,
    NoticeDue,
    ReminderSent,
    ResendRequested,
    SentAgain,
    StepAwaited,
    StepEnded,
    TemplateSaved,
)
from services.notification.domain.office import failure_name, wait_name
from services.notification.wording.composer import Kind, OwnWords

PREPARE: Final = "prepare"
SMTP: Final = "smtp"
REMIND: Final = "remind"
FAILURES: Final = "failures"
"""Targets of work: composing messages; the mail server; the mail server, for the charter's reminders and
for telling offices of failures."""


def work_of(incoming: IncomingEvent[BaseModel]) -> Sequence[WorkChange]:
    """What an event gives to do, and what of it is no longer wanted."""
    match incoming.data:
        case NoticeDue() as due:
            return [_work(incoming, PREPARE, preparing_id(due.notification_id))]
        case NotificationPrepared(channel="email", notification_id=str(notification_id)):
            return [_work(incoming, SMTP, sending_id(notification_id, 1))]
        case ResendRequested() as resend:
            return [_work(incoming, SMTP, sending_id(resend.notification_id, resend.sending))]
        case StepAwaited() | StepEnded() | ReminderSent():
            return _reminders(incoming.subject, incoming.data)
        case FailureDue() | FailureTold() as event:
            id_ = f"{incoming.subject}:{failure_name(event.failure)}"
            is_due = isinstance(event, FailureDue)
            return [_work(incoming, FAILURES, id_) if is_due else Remove(id_)]
        case _:
            return []


def _reminders(
    request_id: str, event: StepAwaited | StepEnded | ReminderSent
) -> Sequence[WorkChange]:
    def id_(level: Level) -> str:
        return f"{request_id}:{wait_name(event.step, event.wait)}:{level}"

    match event:
        case StepAwaited():
            return [
                WorkItem(id_("reminder"), REMIND, request_id, event.remind_at),
                WorkItem(id_("escalation"), REMIND, request_id, event.due_at),
            ]
        case StepEnded():
            return [Remove(id_("reminder")), Remove(id_("escalation"))]
        case ReminderSent():
            return [Remove(id_(event.level))]


def _work(incoming: IncomingEvent[BaseModel], target: str, id_: str) -> WorkItem:
    return WorkItem(id=id_, target=target, subject=incoming.subject, due_at=incoming.time)


def preparing_id(notification_id: str) -> str:
    """The work of composing a message."""
    return f"{notification_id}:{PREPARE}"


def sending_id(notification_id: str, sending: int) -> str:
    """The work of one sending of a message."""
    return f"{notification_id}:{sending}"


def notice_of(item: WorkItem) -> str:
    """The notice that a piece of work is for."""
    return item.id.rpartition(":")[0]


def sending_of(item: WorkItem) -> int:
    """The number of the sending that a piece of work is."""
    return int(item.id.rpartition(":")[2])


def wait_of(item: WorkItem) -> str:
    """The wait that a reminder is about, by its name."""
    return item.id.split(":")[1]


def failure_of(item: WorkItem) -> str:
    """The failure that a mail to an office is about, by its name."""
    return item.id.rpartition(":")[2]


def level_of(item: WorkItem) -> Level:
    """Which reminder a piece of work is."""
    return cast("Level", item.id.rpartition(":")[2])


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


Templates = ViewProjection[TemplateSaved]


def _fold(_: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    return as_stored(incoming.data) if isinstance(incoming.data, TemplateSaved) else None


def key_of(agency: str, about: About) -> str:
    """The place of an agency's words for one kind of notice; its stream is `template-<this>`."""
    return f"{agency}-{about}"


TEMPLATES: Final = View(
    name="templates",
    model=TemplateSaved,
    fold=_fold,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, TemplateSaved) else None,
)
"""What was saved last."""


async def own_words(templates: Templates, kinds: Collection[Kind]) -> Mapping[Kind, OwnWords]:
    """The own words that agencies saved. They are read each time: a saved version applies at once."""
    found = await templates.get_many({key_of(*kind) for kind in kinds})
    return {
        kind: OwnWords(saved.words, saved.version)
        for kind in kinds
        if (saved := found.get(key_of(*kind))) is not None and saved.words is not None
    }
