"""Sends mail to offices: client charter reminders, escalations, and failed configurations."""

from dataclasses import dataclass
from typing import Any

import structlog

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work.queue import WorkItem
from bmt.chassis.work.worker import Done, Later, WorkOutcome
from bmt.contracts.requests import RequestFacts
from services.notification.channels.email import written
from services.notification.channels.smtp import MailPutOff, MailRefused, SmtpPost
from services.notification.domain.correspondence import (
    Failure,
    RecordFailureTold,
    RecordReminder,
    Wait,
    stream_of,
)
from services.notification.domain.events import Level
from services.notification.domain.notification_policy import notification_policy_of
from services.notification.views import failure_of, level_of, wait_of
from services.notification.wording import office
from services.notification.worker import from_work, patience

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OfficeMail:
    """Writes and sends the mails to offices.

    Each mail is dated when it is due and has a Message-ID made of what it is about, so a second copy has
    the same bytes.

    Attributes:
        sender: the From address. Message-IDs end in its domain.
        console_url: where administrators work; may be empty.
    """

    execution: Execution[Any, Any]
    agencies: Agencies
    post: SmtpPost
    clock: Clock
    sender: str
    console_url: str = ""

    async def remind(self, item: WorkItem) -> WorkOutcome:
        """Send one reminder or escalation, unless it is no longer needed."""
        # From the store: another process may have handled the event that ended the step.
        state = await self.execution.state(stream_of(item.subject))
        wait, level = state.waits.get(wait_of(item)), level_of(item)
        if wait is None or not wait.is_to_send(level, self.clock()):
            return Done()
        policy = notification_policy_of(wait.request.agency, self.agencies)
        recipient = policy.address_of(level)
        if recipient is None:
            return Done()
        message_id = self._message_id(wait.request, f"{wait.name}.{level}")
        sent = RecordReminder(wait.name, level, message_id, recipient)
        message = self.reminder(wait, level, recipient)
        return await self._send(item, wait.request.agency, message, sent)

    async def report_failure(self, item: WorkItem) -> WorkOutcome:
        """Report one failure, unless a retry or an outcome came first."""
        state = await self.execution.state(stream_of(item.subject))
        failure = state.failure_to_report(failure_of(item))
        if failure is None:
            return Done()
        policy = notification_policy_of(failure.request.agency, self.agencies)
        recipient = policy.failure_recipient
        if recipient is None:
            return Done()
        message_id = self._message_id(failure.request, failure.name)
        sent = RecordFailureTold(failure.number, message_id, recipient)
        message = self.failure_report(failure, recipient)
        return await self._send(item, failure.request.agency, message, sent)

    def reminder(self, wait: Wait, level: Level, recipient: str) -> bytes:
        return written(
            office.reminder_body(wait, level, self._console(wait.request)),
            agency=wait.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=office.reminder_subject(wait, level),
            at=wait.remind_at if level == "reminder" else wait.due_at,
            message_id=self._message_id(wait.request, f"{wait.name}.{level}"),
        )

    def failure_report(self, failure: Failure, recipient: str) -> bytes:
        return written(
            office.failure_body(failure, self._console(failure.request)),
            agency=failure.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=office.failure_subject(failure),
            at=failure.failed_at,
            message_id=self._message_id(failure.request, failure.name),
        )

    def _message_id(self, request: RequestFacts, name: str) -> str:
        return f"<{request.request_id}.{name}@{self.sender.rpartition('@')[2]}>"

    def _console(self, request: RequestFacts) -> str | None:
        if not self.console_url:
            return None
        return f"{self.console_url.rstrip('/')}/requests/{request.request_id}"

    async def _send(
        self,
        item: WorkItem,
        agency: str,
        message: bytes,
        sent: RecordReminder | RecordFailureTold,
    ) -> WorkOutcome:
        """Send it. Once the mail server accepts it, execute `sent`."""
        crash_points.reached("notification.reminding.sending")
        try:
            await self.post.send(message, sent.recipient)
        except (MailRefused, MailPutOff) as no:
            log.warning("reminder_not_taken", request_id=item.subject, agency=agency)
            return Later(patience(item.attempts), _answer(no))
        crash_points.reached("notification.reminding.sent")
        await self.execution.execute(from_work(item, "sent", sent))
        crash_points.reached("notification.reminding.recorded")
        return Done()


def _answer(no: MailRefused | MailPutOff) -> str:
    """Why the mail waits. A refused address is retried until an operator corrects it or the step ends."""
    if isinstance(no, MailPutOff):
        return f"the mail server answered {no.code}"
    return "the mail server refuses the office's address"
