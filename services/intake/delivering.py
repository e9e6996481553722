"""Messages over HTTP: delivered, and read in the inbox.

A message that is delivered twice leads to one request or inbox item, whatever the keys.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, Final

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore
from bmt.contracts.events import RequestReceived
from services.intake.access import caller_of, keyed_stream
from services.intake.domain.delivery import RecordDelivery
from services.intake.domain.events import EmailDelivered
from services.intake.domain.request import request_stream
from services.intake.handlers import Reception
from services.intake.mail_readers import Readers

# Two copies of a message are identified by Message-ID and body. Their bytes differ: each server on the way
# adds trace lines (RFC 5321, 4.4). A Message-ID names one version of one message (RFC 5322, 3.6.4); not all
# programs comply, so the body must be the same too.

_HEADER_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_BLANK: Final = b" \t\r\n"
_BEFORE: Final = b"\xef\xbb\xbf" + _BLANK
_END: Final = re.compile(rb"\n\r?\n")
_MESSAGE_ID: Final = re.compile(
    rb"^message-id[ \t]*:(?:[ \t]|\r?\n[ \t])*(<[!-;=?-~]{1,250}>)[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


def identity_of(content: IO[bytes]) -> bytes | None:
    """A digest that all copies of one message share, and no other message has; None without a Message-ID.

    Reads the content from its start. A gigabyte takes a second: do not run it in the event loop.
    """
    content.seek(0)
    head = content.read(_HEADER_BYTES)
    begins = len(head) - len(head.lstrip(_BEFORE))
    end = _END.search(head, begins)
    named = _MESSAGE_ID.search(head, begins, end.start() + 1 if end else len(head))
    if named is None:
        return None
    digest = sha256(named[1] + b"\n")
    content.seek(end.end() if end else len(head))
    for piece in _without_line_ends(content):
        digest.update(piece)
    return digest.digest()


def _without_line_ends(content: IO[bytes]) -> Iterator[bytes]:
    """The body with one kind of line end, and without trailing blanks, which servers add and remove."""
    blanks = b""
    while chunk := content.read(_CHUNK_BYTES):
        text = (blanks + chunk).rstrip(_BLANK)
        blanks = (blanks + chunk)[len(text) :]
        yield text.replace(b"\r\n", b"\n")
        if (
            len(blanks) > _CHUNK_BYTES
        ):  # so many blanks are no end of the body; do not scan them again
            yield blanks.replace(b"\r\n", b"\n")
            blanks = b""


def cause_of(agency: str, digest: bytes) -> str:
    """The causation of a message that reached this agency; `digest` is the same for all its copies."""
    return "mail:" + sha256(agency.encode() + b"\0" + digest).hexdigest()[:40]


def was_registered(commit: Commit) -> bool:
    """Whether a message became a request at once."""
    return commit.events[0].type == RequestReceived.TYPE


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Takes in messages that are delivered over HTTP; `authserv_id` is as of `Reception.receive_email`."""

    execution: Execution[Any, Any]
    commits: EventStore
    readers: Readers
    reception: Reception
    clock: Clock
    authserv_id: str | None

    async def take_in(self, content: bytes, context: CommandContext) -> Executed:
        """What the message led to, now or before. Without a Message-ID only the key identifies it.

        Raises:
            CausationReused: the key was used with another body.
            Refused: as the decider raises it.
        """
        opened = await self.readers.mail(content)
        home, caller = self.reception.office_of(caller_of(context.principal), opened)
        if (identity := identity_of(BytesIO(content))) is not None:
            cause = cause_of(home.code, identity)
            if (known := await self._known(context, cause)) is not None:
                return known
            own = cause.partition(":")[2]
            context = replace(context, causation=cause, fingerprint=own)
        command = await self.reception.receive_email(
            content, opened, home, caller, self.authserv_id
        )
        stream = request_stream(command.request_id)
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))

    async def _known(self, context: CommandContext, cause: str) -> Executed | None:
        """Record durably which message the key stands for; what that message led to, or None if nothing yet."""
        stream = keyed_stream("delivery", context)
        key = context.to_command(stream, RecordDelivery(cause, self.clock()), begins_stream=True)
        recorded = await self.execution.execute(key)
        crash_points.reached("intake.delivering.key_recorded")
        if recorded.commit.events[0].type != EmailDelivered.TYPE:
            # Before messages had causes of their own, their outcome had the key's cause.
            return recorded
        found = (await self.commits.find([cause])).get(cause)
        if found is None:
            return None
        await self.execution.deliver([found])
        return Executed(found, replayed=True)


_TEXTS_AT_ONCE: Final = 2
"""Concurrent readings for the text alone."""


@dataclass(frozen=True, slots=True)
class MessageTexts:
    """Reads the text of stored messages, of each at most the first `most_bytes`."""

    documents: DocumentStore
    readers: Readers
    most_bytes: int
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TEXTS_AT_ONCE))

    async def of(self, document_id: str) -> str:
        """The text that a reader of the message sees; empty if it has none."""
        async with self._reading:
            _, chunks = await self.documents.open(document_id)
            return await self.readers.text(await _beginning(chunks, self.most_bytes))


async def _beginning(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    taken: list[bytes] = []
    async for chunk in chunks:
        taken.append(chunk[: most_bytes - sum(map(len, taken))])
        if not taken[-1]:
            break
    return b"".join(taken)
