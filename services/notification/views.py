"""The read models and the work queue of notification. Its events can rebuild them."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.routes import PageRequest
from bmt.chassis.http.sorting import SortedPage
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.work import Remove, WorkChange, WorkItem, WorkQueue
from bmt.contracts.events import (
    About,
    NotificationFailed,
    NotificationPrepared,
    Notified,
)
from bmt.contracts.http.notification import NoticeStatus, Notification, WaitingNotification
from bmt.contracts.values import ReplyChannel
from services.notification.domain.correspondence import failure_name, wait_name
from services.notification.domain.events import (
    AcknowledgementSuperseded,
    FailureDue,
    FailureTold,
    Level,
    NoticeDue,
    Progress,
    ReminderSent,
    ResendRequested,
    SentAgain,
    StepAwaited,
    StepEnded,
    TemplateSaved,
)
from services.notification.wording.composer import Kind, OwnWords

PREPARE: Final = "prepare"
SMTP: Final = "smtp"
REMIND: Final = "remind"
FAILURES: Final = "failures"
"""Targets of work: composing, sending e-mails, reminding offices, reporting failures."""


def work_of(incoming: IncomingEvent[BaseModel]) -> Sequence[WorkChange]:
    """The work that an event creates, and the work that it makes unnecessary."""
    match incoming.data:
        case NoticeDue() as due:
            return [_work(incoming, PREPARE, preparing_id(due.notification_id))]
        case NotificationPrepared(channel="email", notification_id=str(notification_id)):
            done = Remove(preparing_id(notification_id))
            return [done, _work(incoming, SMTP, sending_id(notification_id, 1))]
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
            mails: Mapping[Level, datetime] = {
                "reminder": event.remind_at,
                "escalation": event.due_at,
            }
            return [
                WorkItem(id_(level), REMIND, request_id, at)
                for level, at in mails.items()
                if event.only in (None, level)
            ]
        case StepEnded():
            return [Remove(id_("reminder")), Remove(id_("escalation"))]
        case ReminderSent():
            return [Remove(id_(event.level))]


def _work(incoming: IncomingEvent[BaseModel], target: str, id_: str) -> WorkItem:
    return WorkItem(id=id_, target=target, subject=incoming.subject, due_at=incoming.time)


def preparing_id(notification_id: str) -> str:
    """Names the work of composing a message."""
    return f"{notification_id}:{PREPARE}"


def sending_id(notification_id: str, sending: int) -> str:
    """Names the work of one sending of a message."""
    return f"{notification_id}:{sending}"


def notice_of(item: WorkItem) -> str:
    """The id of the notice that the work is about."""
    return item.id.rpartition(":")[0]


def sending_of(item: WorkItem) -> int:
    """The number of the sending."""
    return int(item.id.rpartition(":")[2])


def wait_of(item: WorkItem) -> str:
    """The name of the wait that a reminder is about."""
    return item.id.split(":")[1]


def failure_of(item: WorkItem) -> str:
    """The name of the failure that a mail to an office is about."""
    return item.id.rpartition(":")[2]


def level_of(item: WorkItem) -> Level:
    """Whether the work is a reminder or an escalation."""
    return cast("Level", item.id.rpartition(":")[2])


InOrder = tuple[str, str]
"""The sort key of the notices of one request: `place` and the notification id."""

UNDELIVERED: Final[Collection[NoticeStatus]] = ("due", "prepared", "failed")
"""The default filter: notices not yet delivered."""

_STATUS: Final[dict[type[BaseModel], NoticeStatus]] = {
    NotificationPrepared: "prepared",
    Notified: "notified",
    NotificationFailed: "failed",
    ResendRequested: "prepared",
    SentAgain: "notified",
    AcknowledgementSuperseded: "superseded",
}
"""The status of a notice after each event."""

_ADDRESS: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")
_ANSWER: Final = re.compile(
    r"(?P<basic>[45]\d\d)(?: [45]\.(?P<enhanced>\d{1,3}\.\d{1,3})\b)?", re.ASCII
)
_CODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("1.1", "1.2", "1.3", "1.6", "1.10"), "mail_no_such_address"),
    **dict.fromkeys(("2.1", "2.2"), "mail_box_closed"),
    **dict.fromkeys(("2.3", "3.4"), "mail_too_large"),
    **dict.fromkeys(("550", "551", "553"), "mail_no_such_address"),
    "552": "mail_box_closed",
}
"""By what a mail server answers: the enhanced code's subject and detail (RFC 3463), else the reply's (RFC 5321)."""


def refusal_code(answer: str) -> str:
    """Why a mail server refused a message, as a code of `bmt.contracts.faults`."""
    parts = _ANSWER.match(answer)
    if parts is None:
        return "mail_refused"
    if parts["basic"].startswith("4"):
        return "mail_put_off"
    if (enhanced := parts["enhanced"]) is None:
        return _CODES.get(parts["basic"], "mail_refused")
    by_policy = enhanced.startswith("7.")
    return _CODES.get(enhanced, "mail_not_allowed" if by_policy else "mail_refused")


class TrackedNotice(BaseModel):
    """One notice, delivered or not.

    Attributes:
        account: the applicant's.
        recipient: a name, or an e-mail address; None where nobody has rebuilt the view since it is kept.
        place: sorts the notices of a request in the order in which they are sent.
        wanted_since: when the notice, or the last copy of it, was requested.
        due_at: when an outcome must have been delivered (client charter).
        overdue_from: as `due_at`, until the notice is delivered.
        sending: the number of the last sending; 0 before the first.
        refusal: the mail server's last answer, if it refused the message.
    """

    model_config = ConfigDict(frozen=True)

    notification_id: str
    request_id: str
    reference: str
    agency: str
    account: str
    recipient: str | None = None
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
        return Notification(
            notification_id=self.notification_id,
            about=self.about,
            channel=self.channel,
            status=self.status,
            document_id=self.document_id,
            due_at=self.due_at,
            code=refusal_code(self.refusal) if self.refusal else None,
        )


Notices = ViewProjection[TrackedNotice]


def fold(notice: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The notice after `incoming`."""
    event = incoming.data
    if isinstance(event, NoticeDue):
        return _due(event, incoming)
    if notice is not None and isinstance(event, Progress):
        return {**notice, **_moved(event)}
    return notice


def _due(due: NoticeDue, incoming: IncomingEvent[BaseModel]) -> Body:
    return {
        "notification_id": due.notice.notification_id,
        "request_id": due.request.request_id,
        "reference": due.request.reference,
        "agency": due.request.agency,
        "account": due.request.applicant.account,
        "recipient": due.notice.recipient,
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


def _moved(event: Progress) -> Body:
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
    return event.notification_id if isinstance(event, NoticeDue | Progress) else None


NOTICES: Final = View(
    name="told",
    model=TrackedNotice,
    fold=fold,
    key=_key,
    begins=lambda incoming: isinstance(incoming.data, NoticeDue),
    lags=True,
    indexes=[
        *(("agency", "status", name, "_id") for name in ("wanted_since", "recipient", "about")),
        ("status", "wanted_since", "_id"),
        ("request_id", "place", "_id"),
        ("overdue_from",),
    ],
)


async def of_request(
    notices: Notices, request_id: str, page: PageRequest[InOrder]
) -> list[TrackedNotice]:
    """The notices of a request, in the order in which they are sent."""
    return await notices.find(
        Query(
            equal={"request_id": request_id},
            order_by="place",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def latest(notices: Notices, request_id: str) -> TrackedNotice | None:
    """The last notice of a request. It has the request's current facts."""
    last = Query(equal={"request_id": request_id}, order_by="place", descending=True, limit=1)
    return next(iter(await notices.find(last)), None)


async def overdue(notices: Notices, now: datetime) -> Mapping[str, int]:
    """The number of requests per agency whose outcome should have been delivered before `now`."""
    counts = await notices.count(["agency"], Query(below={"overdue_from": now}))
    return {agency: count for (agency,), count in counts.items()}


def found(
    agency: str | None,
    statuses: Collection[NoticeStatus],
    channel: ReplyChannel | None,
    page: SortedPage,
) -> Query:
    """Asks for an agency's notices (None: all agencies')."""
    filters = {"agency": agency, "channel": channel}
    return Query(
        equal={field: value for field, value in filters.items() if value is not None},
        one_of={"status": statuses},
        order_by=page.order,
        descending=page.descending,
        nullable=page.order == "recipient",
        after=page.after,
        limit=page.lookahead,
    )


async def as_waiting(
    notices: Sequence[TrackedNotice], queue: WorkQueue, *, names_recipients: bool
) -> list[WaitingNotification]:
    """The notices for callers, with the number of attempts and the last problem of each."""
    tried = {item.id: item for item in await queue.find([_work_id(one) for one in notices])}
    items = []
    for one in notices:
        item = tried.get(_work_id(one))
        problem = (item.waiting_for if item else "") or one.refusal
        items.append(
            WaitingNotification(
                **one.as_listed().model_dump(),
                request_id=one.request_id,
                reference=one.reference,
                recipient=one.recipient if names_recipients else None,
                wanted_since=one.wanted_since,
                attempts=item.attempts if item else None,
                last_problem=_ADDRESS.sub("…", problem) if problem else None,
            )
        )
    return items


def _work_id(one: TrackedNotice) -> str:
    if one.status == "due":
        return preparing_id(one.notification_id)
    return sending_id(one.notification_id, one.sending)


Templates = ViewProjection[TemplateSaved]


def _fold(_: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    return as_stored(incoming.data) if isinstance(incoming.data, TemplateSaved) else None


def key_of(agency: str, about: About) -> str:
    """The key of an agency's words for one kind of notice. Their stream is `template-<key>`."""
    return f"{agency}-{about}"


TEMPLATES: Final = View(
    name="templates",
    model=TemplateSaved,
    fold=_fold,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, TemplateSaved) else None,
)
"""The last saved words, by agency and kind of notice."""


async def own_words(templates: Templates, kinds: Collection[Kind]) -> Mapping[Kind, OwnWords]:
    """The own words that agencies saved, read each time: a saved version applies at once."""
    found = await templates.get_many({key_of(*kind) for kind in kinds})
    return {
        kind: OwnWords(saved.words, saved.version)
        for kind in kinds
        if (saved := found.get(key_of(*kind))) is not None and saved.words is not None
    }
