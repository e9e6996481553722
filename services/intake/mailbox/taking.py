"""Taking in one message of a mailbox: the message itself is the cause of what it leads to.

So the same message, read by two processes or read again after a crash, leads to one commit.
"""

import asyncio
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, Final, Literal, Protocol

import structlog

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.decider import Message
from bmt.chassis.documents import Received
from bmt.chassis.errors import Unavailable
from bmt.chassis.event_store import Commit
from bmt.chassis.execution import Execution
from services.intake import answers
from services.intake.channels.mail import OpenedMail, open_head, open_mail, unopened
from services.intake.domain.commands import ReceiveEmail

log = structlog.get_logger(__name__)

Outcome = Literal["request", "inbox", "bounce", "set_aside", "known"]
"""What became of a message; `known`: it had been taken in before."""

HEAD_BYTES: Final = 256 * 1024


class Commits(Protocol):
    """What was decided before."""

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        """The commits of these causes."""
        ...


class Receive(Protocol):
    """`handlers.receive_mailbox_message` with its ports filled in."""

    async def __call__(self, received: Received, opened: OpenedMail, home: Agency) -> ReceiveEmail:
        """What the message asks for."""
        ...


class Taking:
    """Takes messages in."""

    def __init__(
        self,
        execution: Execution[Any, Any],
        commits: Commits,
        agencies: Agencies,
        receive: Receive,
        most_bytes: int,
    ) -> None:
        """A message of more than `most_bytes` is kept whole, and only its beginning is read."""
        self._execution = execution
        self._commits = commits
        self._agencies = agencies
        self._receive = receive
        self._most_bytes = most_bytes

    async def __call__(self, home: Agency, received: Received) -> Outcome:
        """Durable when this returns, whatever the message is.

        Raises:
            Unavailable: a part is away; the same again is safe.
        """
        causation = cause_of(home.code, received.digest)
        if await self._commits.find([causation]):
            return "known"
        try:
            commit = await self._recorded(causation, home, received, await self._opened(received))
        except Unavailable:
            raise
        except Exception:
            log.exception("mailbox_message_unread", agency=home.code, cause=causation)
            why = "What stands in this message could not be stored apart from it."
            commit = await self._recorded(causation, home, received, unopened(why))
        return _outcome(commit)

    async def _opened(self, received: Received) -> OpenedMail:
        received.content.seek(0)
        if received.size_bytes > self._most_bytes:
            head = received.content.read(HEAD_BYTES)
            why = f"It is larger than {self._most_bytes} bytes: nothing but its header was read."
            return await asyncio.to_thread(open_head, head, why)
        return await asyncio.to_thread(
            open_mail, received.content.read(), self._agencies, found=True
        )

    async def _recorded(
        self, causation: str, home: Agency, received: Received, opened: OpenedMail
    ) -> Commit:
        what = await self._receive(received, opened, home)
        stream = f"request-{what.request_id}"
        fingerprint = received.digest.hex()
        message = Message(stream, causation, fingerprint, what, begins_stream=True)
        return (await self._execution.execute(message)).commit


def cause_of(agency: str, digest: bytes) -> str:
    """The causation of a message in this agency's mailbox; `digest` is the SHA-256 of its bytes."""
    return "mail:" + sha256(agency.encode() + b"\0" + digest).hexdigest()[:40]


def _outcome(commit: Commit) -> Outcome:
    if answers.was_registered(commit):
        return "request"
    item = commit.events[0].data
    if item["set_aside"] is not None:
        return "set_aside"
    return "bounce" if item["bounce"] is not None else "inbox"
