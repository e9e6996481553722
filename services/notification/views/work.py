"""The work that is still to be done: messages to compose and to send, reminders to send in time."""

from collections.abc import Sequence
from typing import Final, cast

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.work.queue import Remove, WorkChange, WorkItem
from bmt.contracts.events import NotificationPrepared
from services.notification.domain.events import (
    FailureDue,
    FailureTold,
    Level,
    NoticeDue,
    ReminderSent,
    ResendRequested,
    StepAwaited,
    StepEnded,
)
from services.notification.domain.failures import name_of as name_of_failure
from services.notification.domain.waits import name_of

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
            id_ = f"{incoming.subject}:{name_of_failure(event.failure)}"
            is_due = isinstance(event, FailureDue)
            return [_work(incoming, FAILURES, id_) if is_due else Remove(id_)]
        case _:
            return []


def _reminders(
    request_id: str, event: StepAwaited | StepEnded | ReminderSent
) -> Sequence[WorkChange]:
    def id_(level: Level) -> str:
        return f"{request_id}:{name_of(event.step, event.wait)}:{level}"

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
