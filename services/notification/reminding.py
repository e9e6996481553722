"""Writes to offices: what the client charter promises, what is overdue, what failed."""

from dataclasses import dataclass
from typing import Any

import structlog

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work.queue import WorkItem
from bmt.chassis.work.worker import Done, Later, Perform, WorkOutcome
from services.notification.channels.email import Head, written
from services.notification.channels.smtp import MailPutOff, MailRefused, Post
from services.notification.domain.commands import Command
from services.notification.domain.events import Level
from services.notification.domain.failures import Failure, RecordFailureTold
from services.notification.domain.notification_policy import notification_policy_of
from services.notification.domain.waits import RecordReminder, Wait
from services.notification.views.work import failure_of, level_of, wait_of
from services.notification.wording import failure as failure_words
from services.notification.wording import reminder
from services.notification.worker import patience

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reminders:
    """Writes the mails to offices.

    Attributes:
        sender: the address they are sent from; Message-IDs end in its domain.
        console_url: where administrators work; empty: nowhere.
    """

    sender: str
    console_url: str = ""

    def message_id(self, wait: Wait, level: Level) -> str:
        """Made of what the mail is about, so that a copy is known as one."""
        domain = self.sender.rpartition("@")[2]
        return f"<{wait.request.request_id}.{wait.name}.{level}@{domain}>"

    def message(self, wait: Wait, level: Level, recipient: str) -> bytes:
        """The mail, dated when it is due: a copy has the same bytes."""
        head = Head(
            agency=wait.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=reminder.subject(wait, level),
            at=wait.remind_at if level == "reminder" else wait.due_at,
            message_id=self.message_id(wait, level),
        )
        return written(head, reminder.body(wait, level, self._console(wait)))

    def failure_id(self, failure: Failure) -> str:
        """Likewise, of a mail that tells of a failure."""
        domain = self.sender.rpartition("@")[2]
        return f"<{failure.request.request_id}.{failure.name}@{domain}>"

    def failure_message(self, failure: Failure, recipient: str) -> bytes:
        """The mail that tells of a failure, dated when it failed: a copy has the same bytes."""
        head = Head(
            agency=failure.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=failure_words.subject(failure),
            at=failure.failed_at,
            message_id=self.failure_id(failure),
        )
        return written(head, failure_words.body(failure, self._console(failure)))

    def _console(self, about: Wait | Failure) -> str | None:
        if not self.console_url:
            return None
        return f"{self.console_url.rstrip('/')}/requests/{about.request.request_id}"


def reminding(
    execution: Execution[Any, Any],
    agencies: Agencies,
    reminders: Reminders,
    post: Post,
    clock: Clock,
) -> Perform:
    """The work of sending one reminder, unless nobody needs it any more."""

    async def perform(item: WorkItem) -> WorkOutcome:
        stream = f"request-{item.subject}"
        # As it is stored: that a step ended may have been heard by another process.
        state = await execution.state(stream)
        wait, level = state.waits.get(wait_of(item)), level_of(item)
        if wait is None or not wait.wants(level, clock()):
            return Done()
        recipient = notification_policy_of(wait.request.agency, agencies).address_of(level)
        if recipient is None:
            return Done()
        message = reminders.message(wait, level, recipient)
        sent = RecordReminder(wait.name, level, reminders.message_id(wait, level), recipient)
        agency = wait.request.agency
        return await _send(item, agency, message, recipient, sent, execution, post)

    return perform


def telling_of_failures(
    execution: Execution[Any, Any], agencies: Agencies, reminders: Reminders, post: Post
) -> Perform:
    """The work of telling an office of one failure, unless it was retried or concluded meanwhile."""

    async def perform(item: WorkItem) -> WorkOutcome:
        state = await execution.state(f"request-{item.subject}")
        failure = state.failure_to_tell(failure_of(item))
        if failure is None:
            return Done()
        recipient = notification_policy_of(failure.request.agency, agencies).told_of_failures
        if recipient is None:
            return Done()
        message = reminders.failure_message(failure, recipient)
        told = RecordFailureTold(failure.number, reminders.failure_id(failure), recipient)
        agency = failure.request.agency
        return await _send(item, agency, message, recipient, told, execution, post)

    return perform


async def _send(
    item: WorkItem,
    agency: str,
    message: bytes,
    recipient: str,
    sent: Command,
    execution: Execution[Any, Any],
    post: Post,
) -> WorkOutcome:
    """Send it, and record with `sent` that the mail server took it over."""
    crash_points.reached("notification.reminding.sending")
    try:
        await post.send(message, recipient)
    except (MailRefused, MailPutOff) as no:
        log.warning("reminder_not_taken", request_id=item.subject, agency=agency)
        return Later(patience(item.attempts), _answer(no))
    crash_points.reached("notification.reminding.sent")
    causation = f"work:{item.id}:sent"
    await execution.execute(Message(f"request-{item.subject}", causation, causation, sent))
    crash_points.reached("notification.reminding.recorded")
    return Done()


def _answer(no: MailRefused | MailPutOff) -> str:
    """An office's address is mended by an operator: until then, and until the step ends, it is tried."""
    if isinstance(no, MailPutOff):
        return f"the mail server answered {no.code}"
    return "the mail server refuses the office's address"
