"""A message that is handed in twice leads to one request or inbox item, whatever the keys of the calls."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, Final, Protocol

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from services.intake.api import message
from services.intake.domain.commands import ReceiveEmail, RecordDelivery
from services.intake.domain.events import EmailDelivered

# Telling the same message again, though it came another way: by its Message-ID and its body.
#
# Each server on the way writes trace lines of its own above a message (RFC 5321, 4.4), so two copies of one
# message differ in their bytes. RFC 5322, 3.6.4: a Message-ID names one version of one message; not all
# programs keep to that, so the body must be the same too.

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
    """The same for each copy of a message, and for no other; None: it has no Message-ID.

    The content is read from its start. A second for a gigabyte: not for the event loop.
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
    """The body with one kind of line ends, and without the blanks at its end, which servers add and take away."""
    blanks = b""
    while chunk := content.read(_CHUNK_BYTES):
        text = (blanks + chunk).rstrip(_BLANK)
        blanks = (blanks + chunk)[len(text) :]
        yield text.replace(b"\r\n", b"\n")
        if (
            len(blanks) > _CHUNK_BYTES
        ):  # so many are no end; and are not gone through again and again
            yield blanks.replace(b"\r\n", b"\n")
            blanks = b""


class Commits(Protocol):
    """What was decided before."""

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        """The commits of these causes."""
        ...


def cause_of(agency: str, digest: bytes) -> str:
    """The causation of a message that reached this agency; `digest` is the same for all its copies."""
    return "mail:" + sha256(agency.encode() + b"\0" + digest).hexdigest()[:40]


class Deliveries:
    """Takes in the messages that are handed in over HTTP."""

    def __init__(self, execution: Execution[Any, Any], commits: Commits, clock: Clock) -> None:
        self._execution = execution
        self._commits = commits
        self._clock = clock

    async def take_in(
        self,
        content: bytes,
        agency: str,
        context: CommandContext,
        receive: Callable[[], Awaitable[ReceiveEmail]],
    ) -> Executed:
        """What the message leads to, or led to before; without a Message-ID only its key tells it again.

        Raises:
            CausationReused: the key was used with another body.
            Refused: as the decider says.
        """
        if (identity := identity_of(BytesIO(content))) is not None:
            cause = cause_of(agency, identity)
            if (known := await self._known(context, cause)) is not None:
                return known
            own = cause.partition(":")[2]
            context = replace(context, causation=cause, fingerprint=own)
        what = await receive()
        return await self._execution.execute(message(what.request_id, context, what, new=True))

    async def _known(self, context: CommandContext, cause: str) -> Executed | None:
        """What the message led to, once it is durable which message the key stands for; None: nothing yet."""
        key = Message(
            f"delivery-{context.causation.partition(':')[2]}",
            context.causation,
            context.fingerprint,
            RecordDelivery(cause, self._clock()),
            context.traceparent,
            begins_stream=True,
        )
        recorded = await self._execution.execute(key)
        crash_points.reached("intake.delivering.key_recorded")
        if recorded.commit.events[0].type != EmailDelivered.TYPE:
            return (
                recorded  # before messages had causes of their own, what they led to had the key's
            )
        found = (await self._commits.find([cause])).get(cause)
        if found is None:
            return None
        await self._execution.deliver([found])
        return Executed(found, replayed=True)
