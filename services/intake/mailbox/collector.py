"""Polls one mailbox, and takes in the messages that are not marked yet.

Several processes may poll at the same time: a message is marked only once its commit is durable, and the
message itself is the commit's cause. An unmarked message is found again.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.documents import Received, receive, received_bytes
from bmt.chassis.runtime.service import ServiceBuilder
from services.intake.channels.mail import OpenedMail
from services.intake.channels.reports import OwnNotices
from services.intake.domain.request import ReceiveEmail
from services.intake.handlers import Reception
from services.intake.mailbox.session import Folder, MailboxAway, Session
from services.intake.mailbox.settings import mailboxes
from services.intake.mailbox.taking import BEGUN, BegunReadings, Outcome, Taking
from services.intake.reading.readers import Readers
from services.intake.settings import Settings


class MailboxGauges:
    """Metrics of the mailboxes, by agency; no label names a person or a message."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge(
            "bmt_mailbox_waiting_messages",
            "Messages of the mailbox that are not taken in yet, as of the last look.",
            ["agency"],
            registry=registry,
        )
        self._last_look = Gauge(
            "bmt_mailbox_last_look_seconds",
            "Seconds since everything in the mailbox had been taken in (or since the start).",
            ["agency"],
            registry=registry,
        )
        self._messages = Counter(
            "bmt_mailbox_messages",
            "Messages of the mailbox, by what became of them.",
            ["agency", "outcome"],
            registry=registry,
        )

    def waiting(self, agency: str, messages: int) -> None:
        self._waiting.labels(agency).set(messages)

    def looked(self, agency: str) -> None:
        self._last_look.labels(agency).set_function(partial(_since, time.monotonic()))

    def took(self, agency: str, outcome: Outcome) -> None:
        self._messages.labels(agency, outcome).inc()


def _since(moment: float) -> float:
    return time.monotonic() - moment


log = structlog.get_logger(__name__)

PIECE_BYTES: Final = 1024 * 1024
AT_ONCE_BYTES: Final = 32 * 1024 * 1024
"""A larger message is read in pieces."""
LONGEST_PAUSE_SECONDS: Final = 300.0
_MOST_DOUBLINGS: Final = 10


class Collector:
    """Polls one mailbox of an agency; `session` makes a connection that is not open yet."""

    def __init__(
        self,
        agency: Agency,
        session: Callable[[], Session],
        take: Taking,
        gauges: MailboxGauges,
        every_seconds: float,
    ) -> None:
        self._agency = agency
        self._session = session
        self._take = take
        self._gauges = gauges
        self._every_seconds = every_seconds
        self._uid_validity: int | None = None
        self._taken: set[int] = set()
        self._tried: dict[int, int] = {}
        self._tries = 0

    async def run(self) -> None:
        """Poll until cancelled. An error delays the next poll, and never ends the loop."""
        failures = 0
        while True:
            try:
                await self._look()
                failures = 0
            except Unavailable as error:
                failures += 1
                why = error.why if isinstance(error, MailboxAway) else error.part
                log.warning("mailbox_waits", agency=self._agency.code, why=why)
            except Exception:
                failures += 1
                log.exception("mailbox_look_failed", agency=self._agency.code)
            await asyncio.sleep(self._pause(failures))

    def _pause(self, failures: int) -> float:
        if not failures:
            return self._every_seconds
        doubled = self._every_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS)
        longest = max(LONGEST_PAUSE_SECONDS, self._every_seconds)
        return min(longest, doubled) * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    async def _look(self) -> None:
        """Take in all messages that wait: new ones first, the oldest first, then those that failed before."""
        session = self._session()
        try:
            folder = await asyncio.to_thread(session.open)
            waiting = await self._waiting(session, folder)
            self._gauges.waiting(self._agency.code, len(waiting))
            for number, uid in enumerate(waiting, start=1):
                self._tries += 1
                self._tried[uid] = self._tries
                await self._take_one(session, folder, uid)
                del self._tried[uid]
                self._gauges.waiting(self._agency.code, len(waiting) - number)
            self._gauges.looked(self._agency.code)
            await asyncio.to_thread(session.leave)
        finally:
            session.close()

    async def _waiting(self, session: Session, folder: Folder) -> Sequence[int]:
        if folder.uid_validity != self._uid_validity:
            # The server numbers messages anew, so the former UIDs mean nothing.
            self._uid_validity = folder.uid_validity
            self._taken.clear()
            self._tried.clear()
        if folder.keeps_keywords:
            found = await asyncio.to_thread(session.not_marked)
        else:
            found = await asyncio.to_thread(session.all)
        waiting = [uid for uid in found if uid not in self._taken]
        return sorted(waiting, key=lambda uid: (self._tried.get(uid, 0), uid))

    async def _take_one(self, session: Session, folder: Folder, uid: int) -> None:
        received = await self._received(session, uid)
        if received is None:
            return
        with received.content:
            outcome = await self._take(self._agency, received)
        if outcome is None:
            return
        self._gauges.took(self._agency.code, outcome)
        if folder.keeps_keywords:
            await asyncio.to_thread(session.mark, uid)
        else:
            self._taken.add(uid)

    async def _received(self, session: Session, uid: int) -> Received | None:
        """The message; None if somebody has moved it."""
        size = await asyncio.to_thread(session.size, uid)
        if size is None:
            return None
        if size > AT_ONCE_BYTES:
            return await receive(_pieces(session, uid), size + PIECE_BYTES)
        content = await asyncio.to_thread(session.read, uid)
        return None if content is None else await received_bytes(content)


async def _pieces(session: Session, uid: int) -> AsyncIterator[bytes]:
    begin = 0
    while piece := await asyncio.to_thread(session.read_piece, uid, begin, PIECE_BYTES):
        yield piece
        begin += len(piece)


def collect(
    settings: Settings,
    builder: ServiceBuilder,
    agencies: Agencies,
    readers: Readers,
    reception: Reception,
) -> None:
    """Poll every configured mailbox while the service runs.

    Raises:
        WrongConfiguration: BMT_MAILBOXES is wrong, or BMT_SMTP_SENDER is missing beside it.
    """
    if settings.mailboxes is None:
        return
    if settings.smtp_sender is None:
        raise WrongConfiguration(
            "BMT_SMTP_SENDER is missing: BMT_MAILBOXES needs the address that notification sends from, "
            "to know our own notices when they come back"
        )
    found = mailboxes(settings.mailboxes.get_secret_value(), agencies)
    for code, mailbox in found.items():
        if mailbox.security == "none":
            log.warning("not_encrypted", variable="BMT_MAILBOXES", agency=code)
    is_ours = OwnNotices(settings.smtp_sender)

    async def receive(received: Received, opened: OpenedMail, home: Agency) -> ReceiveEmail:
        trusted = found[home.code].authserv_id
        return await reception.receive_mailbox_message(received, opened, home, trusted, is_ours)

    begun = BegunReadings(builder.database[BEGUN], clock.new_id, clock.now)
    builder.prepares(begun.prepare)
    most_bytes = settings.email_max_bytes
    take = Taking(builder.execution, builder.store, begun, readers, receive, most_bytes)
    gauges = MailboxGauges(builder.registry)
    for code, mailbox in found.items():
        session: Callable[[], Session] = partial(Session, mailbox)
        gauges.waiting(code, 0)
        gauges.looked(code)
        collector = Collector(agencies.get(code), session, take, gauges, mailbox.every_seconds)
        builder.runs(collector.run)
