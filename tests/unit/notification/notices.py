"""Notices as notification writes them, for its specifications."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures.procedure import configured, rejected, returned, withdrawn
from fixtures.samples import MONDAY, facts, received
from folds import incoming

from bmt.agencies import register
from bmt.chassis.messaging.dispatch import bind
from bmt.chassis.runtime.background import LruCache
from bmt.contracts.events import (
    NotificationFailed,
    NotificationPrepared,
    Notified,
    RequestEvent,
    RequestFacts,
)
from bmt.contracts.values import Submitter
from services.notification.channels import Rendered
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Composed,
    Correspondence,
    Dispatch,
    Notify,
    RecordReminder,
    ReportFailure,
    Resend,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.events import (
    FailureDue,
    NoticeDue,
    NoticeHeld,
    ReminderSent,
    ResendRequested,
    StepAwaited,
    StepEnded,
)
from services.notification.domain.notice import Notice, OutgoingNotice
from services.notification.handlers import composing
from services.notification.main import TABLE
from services.notification.wording.composer import Composer, Kind, OwnWords

AGENCIES = register.read(Path(__file__).parents[3] / "deploy" / "embedded" / "agencies.yaml")


class Spoken:
    """The words in force: those that an agency has of its own, by kind of notice."""

    def __init__(self, **own: OwnWords) -> None:
        self.own = own

    async def of(self, kinds: Collection[Kind]) -> Mapping[Kind, OwnWords]:
        return {kind: own for kind in kinds if (own := self.own.get(kind[1])) is not None}


SENDER = "bmt@mygovuc.gov.my"
COMPOSER = Composer(AGENCIES, "mygovuc.gov.my", "")
REQUEST = facts(request_id="019349f0-1c2a-7b3c-8d4e-5f60718293a4")
ON_PAPER = REQUEST.model_copy(update={"reply_through": "letter"})
SITI = Submitter(subject="siti@mampu.gov.my", role="administrator")
NOW = datetime(2025, 11, 25, 2, tzinfo=UTC)
DOCUMENT = "sha256:" + "d" * 64

SAYS = {
    "acknowledgement": received,
    "rejected": rejected,
    "returned": returned,
    "withdrawn": withdrawn,
    "configured": configured,
    "terminated": configured,
}
"""The event that each notice is about."""


async def command(
    event: RequestEvent, event_id: str = "", composer=COMPOSER, **own: OwnWords
) -> Acknowledge | Notify:
    """What `event` leads to, where the agency has its `own` words for a kind of notice."""
    handle = bind(TABLE, agencies=AGENCIES, clock=lambda: NOW)[type(event)]
    message = await handle(incoming(event, event_id=event_id))
    complete = composing(Nothing(), Nothing(), composer, Spoken(**own).of, no_e_mail, LruCache(1))
    (done,) = await complete([message])
    return done.command


class Nothing:
    """No streams, and nowhere to store documents."""

    async def known_states(self, streams: Collection[str]) -> Mapping[str, Correspondence]:
        return dict.fromkeys(streams, DECIDER.initial)


async def no_e_mail(_: OutgoingNotice) -> Rendered:
    raise ValueError("nothing is stored here")


async def outgoing(
    about: str, request: RequestFacts = REQUEST, in_reply_to: str | None = None
) -> OutgoingNotice:
    """The notice about a request, to be made into a message."""
    told = await command(SAYS[about](request), "019349f0-2222-7b3c-8d4e-5f60718293a4")
    return OutgoingNotice(request, told.notice, in_reply_to, wanted_since=told.notice.at)


def notice(about: str = "acknowledgement", channel: str = "email", **changes: Any) -> Notice:
    """A notice with nothing in it that the decider would look at."""
    empty = {
        "title": "",
        "status": "",
        "salutation": "",
        "opening": "",
        "paragraphs": (),
        "closing": (),
        "signatory": "",
    }
    values = {
        "notification_id": about,
        "about": about,
        "channel": channel,
        "recipient": "ahmad@mampu.gov.my",
        "at": MONDAY,
        "message_id": f"<{about}@mygovuc.gov.my>" if channel == "email" else None,
        "agency_name": "MAMPU",
        "content": {"subject": "", "malay": empty, "english": empty},
    }
    return Notice.model_validate({**values, **changes})


def due(one: Notice, in_reply_to: str | None = None, request=REQUEST) -> NoticeDue:
    return NoticeDue(request=request, notice=one, wanted_at=NOW, in_reply_to=in_reply_to)


def at_once(due: NoticeDue) -> tuple[NoticeDue, NotificationPrepared]:
    """A notice whose message was stored before it was decided: the message has the words."""
    notice = due.notice.model_copy(update={"content": None})
    return due.model_copy(update={"notice": notice}), prepared(due.notice)


def prepared(one: Notice) -> NotificationPrepared:
    return NotificationPrepared(**_facts(one))


def notified(one: Notice, **changes: Any) -> Notified:
    return Notified(**{**_facts(one), **changes})


def failed(one: Notice, reason: str) -> NotificationFailed:
    return NotificationFailed(**_facts(one), reason=reason)


def _facts(one: Notice) -> dict[str, Any]:
    return {
        "request": REQUEST,
        "about": one.about,
        "channel": one.channel,
        "recipient": one.recipient,
        "message_id": one.message_id,
        "document_id": DOCUMENT,
        "notification_id": one.notification_id,
    }


ACKNOWLEDGED = due(notice("acknowledgement"))
MAIL, PAPER = notice("rejected"), notice("rejected", "letter")
MAIL_PREPARED, PAPER_PREPARED = (due(MAIL), prepared(MAIL)), (due(PAPER), prepared(PAPER))
MAIL_TOLD = (*MAIL_PREPARED, notified(MAIL))


def acknowledge(thread: str | None = None, *composed: NoticeDue) -> Acknowledge:
    return Acknowledge(REQUEST, notice("acknowledgement"), NOW, thread, _stored(composed))


def tell(about: str, *composed: NoticeDue) -> Notify:
    return Notify(REQUEST, notice(about), NOW, _stored(composed))


def _stored(composed: Collection[NoticeDue]) -> tuple[Composed, ...]:
    return tuple(Composed(one, DOCUMENT) for one in composed)


def held(about: str) -> NoticeHeld:
    return NoticeHeld(request=REQUEST, notice=notice(about))


def dispatch(agency: str = "MAMPU", note: str | None = None, notice_id="rejected") -> Dispatch:
    return Dispatch(notice_id, agency, SITI, note)


def resend(agency: str | None = "MAMPU") -> Resend:
    return Resend("rejected", agency, SITI, NOW)


def resend_requested(sending: int) -> ResendRequested:
    values = {"notification_id": "rejected", "requested_by": SITI, "requested_at": NOW}
    return ResendRequested(request=REQUEST, sending=sending, **values)


# What the office is reminded of, and told.

DUE = datetime(2025, 11, 27, 9, tzinfo=UTC)
REMIND = datetime(2025, 11, 26, 0, tzinfo=UTC)
REMINDED = RecordReminder("decide-1", "reminder", "<1@x>", "a@b.my")
TELL_OF_FAILURE = ReportFailure(REQUEST, "ipms", True, NOW)


def await_step(step="decide") -> AwaitStep:
    return AwaitStep(REQUEST, step, REMIND, DUE)


def awaited(step="decide", wait=1) -> StepAwaited:
    return StepAwaited(request=REQUEST, step=step, wait=wait, remind_at=REMIND, due_at=DUE)


def ended(step="decide", wait=1) -> StepEnded:
    return StepEnded(request=REQUEST, step=step, wait=wait)


def reminded(level="reminder") -> ReminderSent:
    values = {"message_id": "<1@x>", "recipient": "a@b.my"}
    return ReminderSent(request=REQUEST, step="decide", wait=1, level=level, **values)


def failure_due(number: int) -> FailureDue:
    values = {"target": "ipms", "retryable": True, "failed_at": NOW}
    return FailureDue(request=REQUEST, failure=number, **values)
