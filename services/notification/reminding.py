"""Mail to offices: client charter reminders, escalations, and failed configurations. Nothing in it is personal.

A failure's reason may name an account, so the mail leaves it to the console, which needs a login.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work import Done, Later, WorkItem, WorkOutcome
from bmt.contracts.events import RequestFacts, Target
from bmt.contracts.values import Kind
from services.notification.channels import written
from services.notification.domain.correspondence import (
    Failure,
    RecordFailureSent,
    RecordReminder,
    Wait,
    stream_of,
)
from services.notification.domain.events import Level, Step
from services.notification.domain.notification_policy import notification_policy_of
from services.notification.smtp import MailPutOff, MailRefused, SmtpPost
from services.notification.views import failure_of, level_of, wait_of
from services.notification.wording.phrases import english_date, malay_date
from services.notification.worker import UNRECORDED, from_work, patience

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OfficeMail:
    """Writes and sends the mails to offices.

    Each mail is dated when it is due and has a Message-ID made of what it is about, so a second copy has
    the same bytes.

    Attributes:
        sender: the From address. Message-IDs end in its domain.
        console_url: where administrators work; may be empty.
        unrecorded: work whose mail the server accepted, and that could not be recorded: it is not sent again.
    """

    execution: Execution[Any, Any]
    agencies: Agencies
    post: SmtpPost
    clock: Clock
    sender: str
    console_url: str = ""
    unrecorded: LruCache[str, bool] = field(default_factory=lambda: LruCache(UNRECORDED))

    async def remind(self, item: WorkItem) -> WorkOutcome:
        """Send one reminder or escalation, unless it is no longer needed."""
        # From the store: another process may have handled the event that ended the step.
        state = await self.execution.state(stream_of(item.subject))
        wait, level = state.waits.get(wait_of(item)), level_of(item)
        if wait is None or not wait.is_to_send(level, self.clock()):
            return Done()
        policy = notification_policy_of(wait.request.agency, self.agencies)
        recipient = policy.address_of(level)
        if recipient is None and wait.step == "confirm":
            recipient = policy.failure_recipient
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
        sent = RecordFailureSent(failure.number, message_id, recipient)
        message = self.failure_report(failure, recipient)
        return await self._send(item, failure.request.agency, message, sent)

    def reminder(self, wait: Wait, level: Level, recipient: str) -> bytes:
        return written(
            self._reminder_body(wait, level),
            agency=wait.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=reminder_subject(wait, level),
            at=wait.remind_at if level == "reminder" else wait.due_at,
            message_id=self._message_id(wait.request, f"{wait.name}.{level}"),
        )

    def _reminder_body(self, wait: Wait, level: Level) -> str:
        if wait.step != "confirm":
            return reminder_body(wait, level, self._console(wait.request))
        console = f"{self.console_url.rstrip('/')}/confirmations" if self.console_url else None
        return confirmations_body(wait, level, console)

    def failure_report(self, failure: Failure, recipient: str) -> bytes:
        return written(
            failure_body(failure, self._console(failure.request)),
            agency=failure.request.agency,
            sender=self.sender,
            recipient=recipient,
            subject=failure_subject(failure),
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
        sent: RecordReminder | RecordFailureSent,
    ) -> WorkOutcome:
        """Send it. Once the mail server accepts it, execute `sent`."""
        crash_points.reached("notification.reminding.sending")
        try:
            if item.id not in self.unrecorded:
                await self.post.send(message, sent.recipient)
        except (MailRefused, MailPutOff) as no:
            log.warning("reminder_not_taken", request_id=item.subject, agency=agency)
            return Later(patience(item.attempts), _answer(no))
        crash_points.reached("notification.reminding.sent")
        self.unrecorded.put(item.id, True)  # noqa: FBT003  its only meaning
        await self.execution.execute(from_work(item, "sent", sent))
        self.unrecorded.forget(item.id)
        crash_points.reached("notification.reminding.recorded")
        return Done()


def _answer(no: MailRefused | MailPutOff) -> str:
    """Why the mail waits. A refused address is retried until an operator corrects it or the step ends."""
    if isinstance(no, MailPutOff):
        return f"the mail server answered {no.code}"
    return "the mail server refuses the office's address"


_RULE: Final = "-" * 64

_SUBJECT: Final[Mapping[Level, tuple[str, str]]] = {
    "reminder": ("Peringatan Piagam Pelanggan", "client charter reminder"),
    "escalation": ("Melepasi Piagam Pelanggan", "client charter overdue"),
}
_KIND: Final[Mapping[Kind, tuple[str, str]]] = {
    "application": ("Permohonan", "application"),
    "termination": ("Permohonan penamatan", "termination"),
}
_CONFIRM: Final[Mapping[Level, tuple[str, str]]] = {
    "reminder": ("Pemberian BMT untuk disahkan", "BMT grants to be confirmed"),
    "escalation": ("Pemberian BMT belum disahkan", "BMT grants not confirmed in time"),
}
_STEP: Final[Mapping[tuple[Step, Kind], tuple[str, str]]] = {
    ("decide", "application"): ("diputuskan", "decided"),
    ("decide", "termination"): ("diputuskan", "decided"),
    ("configure", "application"): ("dikonfigurasikan", "configured"),
    ("configure", "termination"): ("dilaksanakan", "carried out"),
}
_TARGET: Final[Mapping[Target, tuple[str, str]]] = {
    "ipms": ("IPMS", "IPMS"),
    "storage": ("Storan pemindahan", "the transfer storage"),
}
_NEXT: Final[Mapping[bool, tuple[str, str]]] = {
    True: (
        "Baiki puncanya, kemudian cuba semula.",
        "Mend the cause, then try again.",
    ),
    False: (
        "Mencuba semula tidak akan membantu; permohonan baharu diperlukan.",
        "Trying again will not help; a new request is needed.",
    ),
}


def reminder_subject(wait: Wait, level: Level) -> str:
    """One line, in both languages."""
    if wait.step == "confirm":
        malay, english = _CONFIRM[level]
        return f"[{wait.request.agency}] {malay} / {english}"
    (malay, english), done = _SUBJECT[level], _STEP[wait.step, wait.request.kind]
    return f"[{wait.request.reference}] {malay} / {english}: {' / '.join(done)}"


def reminder_body(wait: Wait, level: Level, console: str | None) -> str:
    """What the office must do and by when. `console` is the address of the request."""
    malay_kind, english_kind = _KIND[wait.request.kind]
    malay_step, english_step = _STEP[wait.step, wait.request.kind]
    reference, malay_day = wait.request.reference, malay_date(wait.due_at)
    english_day = english_date(wait.due_at)
    if level == "reminder":
        malay = (
            f"{malay_kind} BMT {reference} perlu {malay_step} selewat-lewatnya pada {malay_day}, "
            "5 petang, mengikut Piagam Pelanggan."
        )
        english = (
            f"The BMT {english_kind} {reference} must be {english_step} by {english_day}, 5 p.m., "
            "according to the client charter."
        )
    else:
        malay = (
            f"{malay_kind} BMT {reference} belum {malay_step}. Mengikut Piagam Pelanggan, ia perlu "
            f"{malay_step} selewat-lewatnya pada {malay_day}, 5 petang."
        )
        english = (
            f"The BMT {english_kind} {reference} has not been {english_step}. According to the "
            f"client charter it had to be {english_step} by {english_day}, 5 p.m."
        )
    return _in_both([malay], [english], console)


def confirmations_body(wait: Wait, level: Level, console: str | None) -> str:
    """How many grants wait for the agency, and until when. `console` is the address of their list."""
    count, malay_day, english_day = wait.grants, malay_date(wait.due_at), english_date(wait.due_at)
    if level == "reminder":
        malay = f"{count} pemberian BMT perlu disahkan oleh agensi selewat-lewatnya pada {malay_day}, 5 petang."
        english = f"{count} BMT grants are to be confirmed by the agency by {english_day}, 5 p.m."
    else:
        malay = (
            f"{count} pemberian BMT belum disahkan. Tarikh akhirnya ialah {malay_day}, 5 petang."
        )
        english = (
            f"{count} BMT grants have not been confirmed. The last day was {english_day}, 5 p.m."
        )
    if console is None:
        return _in_both([malay], [english], None)
    return _in_both(
        [malay, f"Buka senarainya di {console}."], [english, f"Open the list at {console}."], None
    )


def failure_subject(failure: Failure) -> str:
    """One line, in both languages."""
    return f"[{failure.request.reference}] Konfigurasi gagal / configuration failed"


def failure_body(failure: Failure, console: str | None) -> str:
    """What failed and what to do. `console` is the address of the request."""
    reference, (malay_next, english_next) = failure.request.reference, _NEXT[failure.retryable]
    malay_target, english_target = _TARGET[failure.target]
    malay = (
        f"Konfigurasi permohonan BMT {reference} gagal pada {malay_date(failure.failed_at)}: "
        f"{malay_target} menolak perubahan itu."
    )
    english = (
        f"The configuration of the BMT request {reference} failed on "
        f"{english_date(failure.failed_at)}: {english_target} refused it."
    )
    return _in_both([malay, malay_next], [english, english_next], console)


def _in_both(malay: list[str], english: list[str], console: str | None) -> str:
    """Malay, a rule, English."""
    if console is not None:
        malay = [*malay, f"Buka permohonan ini di {console}."]
        english = [*english, f"Open the request at {console}."]
    return "\n\n".join([*malay, _RULE, *english]) + "\n"
