"""E-mail messages: kept with their attachments, read for what they ask, and taken in once, however often they are delivered."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, Final

from bmt.agencies.agency import Agency
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore, Received, received_bytes
from bmt.contracts.events import RequestReceived
from bmt.contracts.values import Document
from services.intake.channels.media_types import EMAIL
from services.intake.channels.reports import OwnNotices, Report, is_of_others, ours_at
from services.intake.domain.errors import NotTheirs
from services.intake.domain.events import Bounce, EmailDelivered, Mail
from services.intake.domain.one_event import RecordDelivery
from services.intake.domain.request import ReceiveEmail, request_stream
from services.intake.domain.submission import Caller, Submission, address_in, require_channel
from services.intake.handlers import Reception
from services.intake.mail_process import OpenedMail
from services.intake.mail_readers import Readers
from services.intake.queries import caller_of, keyed_stream
from services.intake.views import RequestDocument

_VERIFIED: Final = "pass"
_NAMES: Final = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom",)}
"""The properties with the domain that each method found to have sent the message."""


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    verdict: str
    properties: dict[str, str] = field(default_factory=dict)


def authenticated(headers: Iterable[str], authserv_id: str, sender: str) -> bool:
    """Whether the mail server `authserv_id` found that the domain of `sender` (an address) sent the message.

    Only the headers of the configured server count. That server must remove headers that others wrote in its
    name (RFC 8601, 5). DMARC (RFC 7489) decides if the server checked it; otherwise DKIM or SPF of the sender's
    domain or a parent domain.
    """
    domain = _domain(sender)
    results = [result for header in headers for result in _results(header, authserv_id)]
    if not domain:
        return False
    if dmarc := [result for result in results if result.method == "dmarc"]:
        return all(
            result.verdict == _VERIFIED
            and _domain(result.properties.get("header.from", domain)) == domain
            for result in dmarc
        )
    return any(_vouches(result, domain) for result in results)


def _vouches(result: _Result, domain: str) -> bool:
    told = (result.properties.get(name, "") for name in _NAMES.get(result.method, ()))
    return result.verdict == _VERIFIED and any(_covers(_domain(each), domain) for each in told)


def _covers(signing: str, domain: str) -> bool:
    """Whether it is the domain, or a parent that is no country's or registry's."""
    return signing == domain or (signing.count(".") > 1 and domain.endswith(f".{signing}"))


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().rstrip(".").casefold()


def _results(header: str, authserv_id: str) -> Iterator[_Result]:
    """The results in a header of this server, such as `mx.example 1; spf=pass smtp.mailfrom=a@b`."""
    server, *told = _plain(header).split(";")
    if (server.split() or [""])[0].casefold() != authserv_id.casefold():
        return
    for each in told:
        spaced = " ".join(each.split()).replace(" =", "=").replace("= ", "=")
        pairs = [pair.partition("=") for pair in spaced.split()]
        if not pairs or not pairs[0][1]:
            continue
        method, _, verdict = pairs[0]
        properties = {name.casefold(): value for name, _, value in pairs[1:]}
        yield _Result(method.partition("/")[0].casefold(), verdict.casefold(), properties)


def _plain(header: str) -> str:
    """The header without comments (RFC 5322, 3.2.2), and with each quoted string as one word.

    The sender chooses a quoted local part, so nothing in it may separate. An unterminated comment is dropped to
    the end; with an unterminated quoted string, the whole header is.
    """
    kept: list[str] = []
    depth = 0
    escaped = quoted = False
    for character in header:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
            continue
        elif depth == 0 and character == '"':
            quoted = not quoted
            continue
        elif not quoted and character == "(":
            depth += 1
        elif depth and character == ")":
            depth -= 1
            continue
        if depth == 0:
            kept.append("_" if quoted and (character in ";=" or character.isspace()) else character)
    return "" if quoted else "".join(kept)


def why_set_aside(opened: OpenedMail, is_ours: Callable[[str], bool]) -> str | None:
    """Why nobody needs to read the message, as a code of `bmt.contracts.faults`; None: somebody must.

    A person reads a filled request that a machine forwarded (a list, a web form). Nobody reads our own notice.
    """
    message = opened.message
    if message.message_id is not None and is_ours(message.message_id):
        return "own_notice"
    if message.automatic and not opened.form.filled:
        return message.automatic
    return None


MESSAGE_FILENAME: Final = "message.eml"


async def kept(
    received: Received, opened: OpenedMail, documents: DocumentStore, authserv_id: str | None
) -> Mail:
    """The `Mail` of a message; its documents are stored: the whole message, then each attachment that is kept.

    `authserv_id` names the mail server that is trusted to authenticate senders.
    """
    whole = await _put(documents, received, MESSAGE_FILENAME, EMAIL)
    files = [(each.content, each.filename, each.media_type) for each in opened.attachments.kept]
    return Mail(
        message_id=opened.message.message_id,
        sender=opened.message.sender,
        subject=opened.message.subject,
        documents=(whole, *[await _stored(documents, *file) for file in files]),
        understood=opened.form.understood,
        missing=opened.form.missing,
        authenticated=_authenticated(opened, authserv_id),
        not_shown=opened.attachments.not_shown,
    )


def _authenticated(opened: OpenedMail, authserv_id: str | None) -> bool | None:
    if authserv_id is None:
        return None
    message = opened.message
    return authenticated(message.authentication, authserv_id, address_in(message.sender))


async def _stored(documents: DocumentStore, content: bytes, filename: str, kind: str) -> Document:
    received = await received_bytes(content)
    with received.content:
        return await _put(documents, received, filename, kind)


async def _put(documents: DocumentStore, received: Received, filename: str, kind: str) -> Document:
    received.content.seek(0)
    await documents.put(received, filename=filename, media_type=kind)
    crash_points.reached("intake.upload.document_kept")
    return Document(
        document_id=received.document_id,
        filename=filename,
        media_type=kind,
        size_bytes=received.size_bytes,
    )


MAILBOX: Final = "mailbox"
"""The submitter of messages from a mailbox, as events name it."""


@dataclass(frozen=True, slots=True)
class EmailReception:
    """Makes the command for a message; `documents` keeps it."""

    reception: Reception
    documents: DocumentStore

    def office_of(self, caller: Caller, opened: OpenedMail) -> tuple[Agency, Caller]:
        """The agency that receives a message, and its caller there.

        It is the caller's agency; for a gateway of many agencies, the one that the message names.

        Raises:
            Refused: the agency receives no e-mail, or the caller has no agency.
        """
        named = [opened.form.request.agency] if opened.form.request else []
        codes = [*(caller.agencies or ()), *named]
        if not codes or codes[0] not in self.reception.agencies:
            raise NotTheirs(
                "Your token names no agency of this system, whose inbox this could go to."
            )
        home = self.reception.agencies.get(codes[0])
        require_channel(home, "email")
        return home, replace(caller, agencies=frozenset({home.code}))

    async def receive_email(
        self,
        content: bytes,
        opened: OpenedMail,
        home: Agency,
        caller: Caller,
        authserv_id: str | None,
    ) -> ReceiveEmail:
        """Store the message and its attachments, and read what it asks for.

        `home` and `caller` are as of `office_of`. `authserv_id` names the mail server that is trusted to authenticate
        senders.
        """
        received = await received_bytes(content)
        with received.content:
            mail = await kept(received, opened, self.documents, authserv_id)
        crash_points.reached("intake.handlers.mail_kept")
        submission = await self._submission(opened, caller, mail)
        return ReceiveEmail(
            self.reception.new_id(), mail, submission, home, caller, self.reception.clock()
        )

    async def receive_mailbox_message(
        self,
        received: Received,
        opened: OpenedMail,
        home: Agency,
        authserv_id: str | None,
        is_ours: OwnNotices,
    ) -> ReceiveEmail:
        """As `receive_email`, for a message from an agency's mailbox that nobody has looked at.

        A bounced notice of ours goes to the agency of its request.
        """
        caller = Caller(MAILBOX, "operator", frozenset({home.code}))
        mail = await kept(received, opened, self.documents, authserv_id)
        bounce, of_agency = await self._bounce(opened, is_ours)
        aside = None if bounce else why_set_aside(opened, is_ours)
        submission = None if aside else await self._submission(opened, caller, mail)
        if of_agency and of_agency in self.reception.agencies:
            home = self.reception.agencies.get(of_agency)
        return ReceiveEmail(
            self.reception.new_id(),
            mail,
            submission,
            home,
            caller,
            self.reception.clock(),
            bounce,
            aside,
        )

    async def _submission(
        self, opened: OpenedMail, caller: Caller, mail: Mail
    ) -> Submission | None:
        request = opened.form.request
        if request is None:
            return None
        return await self.reception.assemble_submission(request, "email", caller, mail=mail)

    async def _bounce(
        self, opened: OpenedMail, is_ours: OwnNotices
    ) -> tuple[Bounce | None, str | None]:
        """The notice of ours that bounced, and the agency of its request; None if not known."""
        report = opened.message.report
        if not (report.failed or report.doubtful):
            return None, None
        message_id = ours_at(report, is_ours)
        about, addressed = await self._about(report, message_id)
        if about is not None:
            return Bounce(message_id=message_id, request_id=about.facts.request_id), about.agency
        is_ours_too = addressed or message_id is not None
        if not is_ours_too and (report.doubtful or is_of_others(report, is_ours)):
            return None, None
        # It may be one of ours: relays change Message-IDs, and some reports quote nothing.
        return Bounce(message_id=message_id), None

    async def _about(
        self, report: Report, message_id: str | None
    ) -> tuple[RequestDocument | None, bool]:
        """The one request that a bounced notice was about, if known; and whether there is any candidate."""
        about = await self.reception.requests.of_notice(message_id) if message_id else None
        if about is not None:
            return about, True
        for reference in report.references:
            if len(found := await self.reception.requests.referred_to(reference)) == 1:
                return found[0], True
        found = (
            await self.reception.requests.written_to(report.recipients) if report.recipients else ()
        )
        return (found[0] if len(found) == 1 else None), bool(found)


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
    """Takes in messages that are delivered over HTTP; `authserv_id` is as of `EmailReception.receive_email`."""

    execution: Execution[Any, Any]
    commits: EventStore
    readers: Readers
    emails: EmailReception
    clock: Clock
    authserv_id: str | None

    async def take_in(self, content: bytes, context: CommandContext) -> Executed:
        """What the message led to, now or before. Without a Message-ID only the key identifies it.

        Raises:
            CausationReused: the key was used with another body.
            Refused: as the decider raises it.
        """
        opened = await self.readers.mail(content)
        home, caller = self.emails.office_of(caller_of(context.principal), opened)
        if (identity := identity_of(BytesIO(content))) is not None:
            cause = cause_of(home.code, identity)
            if (known := await self._known(context, cause)) is not None:
                return known
            own = cause.partition(":")[2]
            context = replace(context, causation=cause, fingerprint=own)
        command = await self.emails.receive_email(content, opened, home, caller, self.authserv_id)
        stream = request_stream(command.request_id)
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))

    async def _known(self, context: CommandContext, cause: str) -> Executed | None:
        """Record durably which message the key stands for; what that message led to, or None if nothing yet."""
        stream = keyed_stream("delivery", context)
        delivered = EmailDelivered(cause=cause, delivered_at=self.clock())
        key = context.to_command(stream, RecordDelivery([delivered]), begins_stream=True)
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
