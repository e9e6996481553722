"""Polls one mailbox, and takes in the messages that are not marked yet.

Several processes may poll at the same time: a message is marked only once its commit is durable, and the
message itself is the commit's cause. So it leads to one commit, also when two processes read it, or it is read again
after a crash, or delivered twice.

Each reading is recorded before it begins and removed when it ends. A record without a running reading
means that the process died. The message's cause names it, so it stays the same under another UID or replica.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime import clock, mongodb
from bmt.chassis.runtime.background import backoff
from bmt.chassis.runtime.documents import Received, receive, received_bytes
from bmt.chassis.runtime.service import ServiceBuilder
from services.intake.channels.reports import OwnNotices
from services.intake.domain.request import ReceiveEmail, request_stream
from services.intake.emails import Emails, cause_of, identity_of, was_registered
from services.intake.imap import Folder, MailboxAway, Session, mailboxes
from services.intake.mail_process import OpenedMail, unopened
from services.intake.readers import LONGEST_SECONDS, Readers
from services.intake.settings import Settings

log = structlog.get_logger(__name__)

BEGUN: Final = "mailbox_readings"
"""The collection: one document for each message that is being read, or whose reading was cut off."""

MOST_DEATHS: Final = 2
LONGEST_READING: Final = timedelta(seconds=LONGEST_SECONDS + 30)
"""A reading that began longer ago has ended with its process: what was read is stored within these 30 seconds."""
KEPT_FOR: Final = timedelta(days=30)

Turn = Literal["read", "leave", "give_up"]
"""Read the message; leave it to the process that may be reading it; or pass it to a person unread."""


def turn_of(begun: list[datetime], now: datetime) -> Turn:
    """What to do with a message, by its earlier readings that did not end."""
    if len(begun) < MOST_DEATHS:
        return "read"
    ended = [at for at in begun if at <= now - LONGEST_READING]
    return "give_up" if len(ended) >= MOST_DEATHS else "leave"


class BegunReadings:
    """The readings that began, in intake's own database."""

    def __init__(self, collection: mongodb.Collection) -> None:
        self._begun = collection
        self._ended: set[str] = set()
        """Readings of this process that ended, and could not be removed."""

    async def prepare(self) -> None:
        """Create the TTL index that removes messages that nobody found again."""
        seconds = int(KEPT_FOR.total_seconds())
        expiring = mongodb.IndexModel([("last_at", 1)], expireAfterSeconds=seconds)
        with mongodb.store_errors():
            await self._begun.create_indexes([expiring])

    async def turn(self, cause: str) -> Turn:
        with mongodb.store_errors():
            found: dict[str, Any] = await self._begun.find_one({"_id": cause}) or {}
        begun = [one["at"] for one in found.get("readings", []) if one["name"] not in self._ended]
        return turn_of(begun, clock.now())

    async def begin(self, cause: str) -> str:
        """Record durably that a reading begins, and give it a name."""
        name, now = clock.new_id(), clock.now()
        change = {"$push": {"readings": {"name": name, "at": now}}, "$set": {"last_at": now}}
        with mongodb.store_errors():
            try:
                await self._begun.update_one({"_id": cause}, change, upsert=True)
            except mongodb.DuplicateKeyError:  # another process inserted it first
                await self._begun.update_one({"_id": cause}, change)
        return name

    async def end(self, cause: str, name: str) -> None:
        """Remove the reading: the process lives."""
        self._ended.add(name)
        with mongodb.store_errors():
            await self._begun.update_one({"_id": cause}, {"$pull": {"readings": {"name": name}}})
            await self._begun.delete_one({"_id": cause, "readings": []})
        self._ended.discard(name)

    async def settle(self, cause: str) -> None:
        """Remove the message: its outcome is durable."""
        with mongodb.store_errors():
            await self._begun.delete_one({"_id": cause})


Outcome = Literal["request", "inbox", "bounce", "set_aside", "known"]
"""The outcome of a message; `known`: it had been taken in before."""

Receive = Callable[[Received, OpenedMail, Agency], Awaitable[ReceiveEmail]]
"""Makes the command for a message."""

HEAD_BYTES: Final = 256 * 1024
TWICE: Final = "message_begun_twice"


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes messages in. One of more than `most_bytes` is kept whole, and only its beginning is read."""

    execution: Execution[Any, Any]
    commits: EventStore
    begun: BegunReadings
    readers: Readers
    receive: Receive
    most_bytes: int
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Across all mailboxes: a recorded reading never waits for another one."""

    async def __call__(self, home: Agency, received: Received) -> Outcome | None:
        """The message's outcome, durable; None: another process may be reading it, so try later.

        Raises:
            Unavailable: a part is unreachable; the call can be repeated.
        """
        identity = await asyncio.to_thread(identity_of, received.content)
        causation = cause_of(home.code, identity or received.digest)
        # Old messages are known by their bytes, from before copies were identified by their bodies.
        if await self.commits.find({causation, cause_of(home.code, received.digest)}):
            return "known"
        async with self._one_at_a_time:
            turn = await self.begun.turn(causation)
            if turn == "leave":
                return None
            if turn == "give_up":
                log.error("mailbox_message_given_up", agency=home.code, cause=causation)
                commit = await self._recorded(causation, home, received, unopened(TWICE))
            else:
                commit = await self._read(causation, home, received)
            await self.begun.settle(causation)
        return _outcome(commit)

    async def _read(self, causation: str, home: Agency, received: Received) -> Commit:
        reading = await self.begun.begin(causation)
        try:
            return await self._recorded(causation, home, received, await self._opened(received))
        except Unavailable:
            raise
        except Exception:
            log.exception("mailbox_message_unread", agency=home.code, cause=causation)
            apart = unopened("not_stored_apart")
            return await self._recorded(causation, home, received, apart)
        finally:
            await self.begun.end(causation, reading)

    async def _opened(self, received: Received) -> OpenedMail:
        received.content.seek(0)
        if received.size_bytes > self.most_bytes:
            head = received.content.read(HEAD_BYTES)
            return await self.readers.head(head, "message_too_large")
        return await self.readers.mail(received.content.read(), found=True)

    async def _recorded(
        self, causation: str, home: Agency, received: Received, opened: OpenedMail
    ) -> Commit:
        what = await self.receive(received, opened, home)
        stream = request_stream(what.request_id)
        fingerprint = causation.partition(":")[2]
        message = Message(stream, causation, fingerprint, what, begins_stream=True)
        return (await self.execution.execute(message)).commit


def _outcome(commit: Commit) -> Outcome:
    if was_registered(commit):
        return "request"
    item = commit.events[0].data
    if item["set_aside"] is not None:
        return "set_aside"
    return "bounce" if item["bounce"] is not None else "inbox"


class MailboxMetrics:
    """Metrics of the mailboxes, by agency; no label names a person or a message."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = Gauge(
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
        self.messages = Counter(
            "bmt_mailbox_messages",
            "Messages of the mailbox, by what became of them.",
            ["agency", "outcome"],
            registry=registry,
        )

    def looked(self, agency: str) -> None:
        now = time.monotonic()
        self._last_look.labels(agency).set_function(lambda: time.monotonic() - now)


PIECE_BYTES: Final = 1024 * 1024
AT_ONCE_BYTES: Final = 32 * 1024 * 1024
"""A larger message is read in pieces."""
LONGEST_PAUSE_SECONDS: Final = 300.0


@dataclass(slots=True)
class Collector:
    """Polls one mailbox of an agency; `session` makes a connection that is not open yet."""

    agency: Agency
    session: Callable[[], Session]
    take: Taking
    metrics: MailboxMetrics
    every_seconds: float
    _uid_validity: int | None = None
    _taken: set[int] = field(default_factory=set)
    _tried: dict[int, int] = field(default_factory=dict)
    _tries: int = 0

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
                log.warning("mailbox_waits", agency=self.agency.code, why=why)
            except Exception:
                failures += 1
                log.exception("mailbox_look_failed", agency=self.agency.code)
            least = self.every_seconds
            longest = max(LONGEST_PAUSE_SECONDS, least) if failures else least
            await asyncio.sleep(backoff(failures, first=least, longest=longest, least=least))

    async def _look(self) -> None:
        """Take in all messages that wait: new ones first, the oldest first, then those that failed before."""
        session, waits = self.session(), self.metrics.waiting.labels(self.agency.code)
        try:
            folder = await asyncio.to_thread(session.open)
            waiting = await self._waiting(session, folder)
            waits.set(len(waiting))
            for number, uid in enumerate(waiting, start=1):
                self._tries += 1
                self._tried[uid] = self._tries
                await self._take_one(session, folder, uid)
                del self._tried[uid]
                waits.set(len(waiting) - number)
            self.metrics.looked(self.agency.code)
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
            outcome = await self.take(self.agency, received)
        if outcome is None:
            return
        self.metrics.messages.labels(self.agency.code, outcome).inc()
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
    if piece is None:
        raise MailboxAway("read_piece", EOFError("somebody moved the message"))


def collect(
    settings: Settings,
    builder: ServiceBuilder,
    agencies: Agencies,
    readers: Readers,
    emails: Emails,
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
        return await emails.receive_found(received, opened, home, trusted, is_ours)

    begun = BegunReadings(builder.database[BEGUN])
    builder.prepares(begun.prepare)
    most_bytes = settings.email_max_bytes
    take = Taking(builder.execution, builder.store, begun, readers, receive, most_bytes)
    metrics = MailboxMetrics(builder.registry)
    for code, mailbox in found.items():
        session: Callable[[], Session] = partial(Session, mailbox)
        metrics.waiting.labels(code).set(0)
        metrics.looked(code)
        collector = Collector(agencies.get(code), session, take, metrics, mailbox.every_seconds)
        builder.runs(collector.run)
