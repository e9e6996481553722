"""E-mail messages: kept with their attachments, read for what they ask, and taken in once, however often they are delivered."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import IO, Any, Final

from bmt.agencies.agency import Agency
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.documents import DocumentStore, Received, received_bytes
from bmt.contracts.events import RequestReceived
from bmt.contracts.values import Document
from services.intake.channels.media_types import EMAIL
from services.intake.channels.reports import OwnNotices, Report, is_of_others, ours_at
from services.intake.documents import named
from services.intake.domain.events import Bounce, EmailDelivered, Mail
from services.intake.domain.one_event import RecordDelivery
from services.intake.domain.request import ReceiveEmail, request_stream
from services.intake.domain.submission import Caller, address_in, require_channel
from services.intake.handlers import Reception
from services.intake.mail_process import OpenedMail
from services.intake.queries import caller_of, keyed_stream, own_agency
from services.intake.readers import Readers
from services.intake.views import RequestDocument

_NAMES: Final = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom",)}
"""The properties with the domain that each method found to have sent the message."""

_Result = tuple[str, bool, dict[str, str]]
"""The method, whether the message passed it, and the properties."""


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
    if dmarc := [result for result in results if result[0] == "dmarc"]:
        return all(
            passed and _domain(properties.get("header.from", domain)) == domain
            for _, passed, properties in dmarc
        )
    return any(
        passed
        and any(_covers(_domain(properties.get(name, "")), domain) for name in _NAMES[method])
        for method, passed, properties in results
        if method in _NAMES
    )


def _covers(signing: str, domain: str) -> bool:
    """Whether it is the domain, or a parent that is no country's or registry's."""
    return signing == domain or (signing.count(".") > 1 and domain.endswith(f".{signing}"))


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().rstrip(".").casefold()


def _results(header: str, authserv_id: str) -> Iterator[_Result]:
    """The results in a header of this server, such as `mx.example 1; spf=pass smtp.mailfrom=a@b`."""
    server, *methods = _plain(header).split(";")
    if (server.split() or [""])[0].casefold() != authserv_id.casefold():
        return
    for each in methods:
        spaced = " ".join(each.split()).replace(" =", "=").replace("= ", "=")
        pairs = [pair.partition("=") for pair in spaced.split()]
        if not pairs or not pairs[0][1]:
            continue
        method, _, verdict = pairs[0]
        properties = {name.casefold(): value for name, _, value in pairs[1:]}
        yield method.partition("/")[0].casefold(), verdict.casefold() == "pass", properties


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


MAILBOX: Final = "mailbox"
"""The submitter of messages from a mailbox, as events name it."""


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
        if len(blanks) > _CHUNK_BYTES:  # no end of the body; do not scan them again
            yield blanks.replace(b"\r\n", b"\n")
            blanks = b""


def cause_of(agency: str, digest: bytes) -> str:
    """The causation of a message that reached this agency; `digest` is the same for all its copies."""
    return "mail:" + sha256(agency.encode() + b"\0" + digest).hexdigest()[:40]


def was_registered(commit: Commit) -> bool:
    return commit.events[0].type == RequestReceived.TYPE


_TEXTS_AT_ONCE: Final = 2
"""Concurrent readings for the text alone."""


@dataclass(frozen=True, slots=True)
class Emails:
    """Takes in messages, and reads the text of stored ones, of each at most the first `most_bytes`.

    `authserv_id` names the mail server that is trusted to authenticate the senders of messages over HTTP.
    """

    reception: Reception
    execution: Execution[Any, Any]
    commits: EventStore
    documents: DocumentStore
    readers: Readers
    authserv_id: str | None
    most_bytes: int
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TEXTS_AT_ONCE))

    async def take_in(self, received: Received, context: CommandContext) -> Executed:
        """What the message led to, now or before. Without a Message-ID only the key identifies it.

        Raises:
            CausationReused: the key was used with another body.
            Refused: as the decider raises it.
        """
        opened = await self.readers.mail(received.content.read())
        home, caller = self._office_of(caller_of(context.principal), opened)
        if (identity := identity_of(received.content)) is not None:
            cause = cause_of(home.code, identity)
            if (known := await self._known(context, cause)) is not None:
                return known
            own = cause.partition(":")[2]
            context = replace(context, causation=cause, fingerprint=own)
        mail = await self._kept(received, opened, self.authserv_id)
        crash_points.reached("intake.emails.mail_kept")
        command = await self._command(mail, opened, home, caller)
        stream = request_stream(command.request_id)
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))

    async def receive_found(
        self,
        received: Received,
        opened: OpenedMail,
        home: Agency,
        authserv_id: str | None,
        is_ours: OwnNotices,
    ) -> ReceiveEmail:
        """The command for a message from an agency's mailbox, which nobody has looked at; it is stored.

        A bounced notice of ours goes to the agency of its request.
        """
        caller = Caller(MAILBOX, "operator", frozenset({home.code}))
        mail = await self._kept(received, opened, authserv_id)
        bounce, of_agency = await self._bounce(opened.message.report, is_ours)
        aside = None if bounce else why_set_aside(opened, is_ours)
        if of_agency and of_agency in self.reception.agencies:
            home = self.reception.agencies.get(of_agency)
        return await self._command(mail, opened, home, caller, bounce, aside)

    async def text_of(self, document_id: str) -> str:
        """The text that a reader of the stored message sees; empty if it has none."""
        async with self._reading:
            _, chunks = await self.documents.open(document_id)
            beginning = bytearray()
            async for chunk in chunks:
                beginning += chunk
                if len(beginning) >= self.most_bytes:
                    break
            return await self.readers.text(bytes(beginning[: self.most_bytes]))

    def _office_of(self, caller: Caller, opened: OpenedMail) -> tuple[Agency, Caller]:
        """The agency that receives a message, and its caller there.

        It is the caller's agency; for a gateway of many agencies, the one that the message names.

        Raises:
            Refused: the agency receives no e-mail, or the caller has no agency.
        """
        named = [opened.form.request.agency] if opened.form.request else []
        codes = [*(caller.agencies or ()), *named, ""]
        home = own_agency(self.reception.agencies, codes[0])
        require_channel(home, "email")
        return home, replace(caller, agencies=frozenset({home.code}))

    async def _known(self, context: CommandContext, cause: str) -> Executed | None:
        """Record durably which message the key stands for; what that message led to, or None if nothing yet."""
        stream = keyed_stream("delivery", context)
        delivered = EmailDelivered(cause=cause, delivered_at=self.reception.clock())
        key = context.to_command(stream, RecordDelivery([delivered]), begins_stream=True)
        recorded = await self.execution.execute(key)
        crash_points.reached("intake.emails.key_recorded")
        if recorded.commit.events[0].type != EmailDelivered.TYPE:
            # Before messages had causes of their own, their outcome had the key's cause.
            return recorded
        found = (await self.commits.find([cause])).get(cause)
        if found is None:
            return None
        await self.execution.deliver([found])
        return Executed(found, replayed=True)

    async def _kept(self, received: Received, opened: OpenedMail, authserv_id: str | None) -> Mail:
        """The message, stored: whole, then each attachment that is kept."""
        message, attachments = opened.message, opened.attachments
        documents = [await self._stored(received, "message.eml", EMAIL)]
        for each in attachments.kept:
            content = await received_bytes(each.content)
            with content.content:
                documents.append(await self._stored(content, each.filename, each.media_type))
        trusted = None
        if authserv_id is not None:
            sender = address_in(message.sender)
            trusted = authenticated(message.authentication, authserv_id, sender)
        return Mail(
            message_id=message.message_id,
            sender=message.sender,
            subject=message.subject,
            documents=tuple(documents),
            understood=opened.form.understood,
            missing=opened.form.missing,
            authenticated=trusted,
            not_shown=attachments.not_shown,
        )

    async def _stored(self, received: Received, filename: str, kind: str) -> Document:
        received.content.seek(0)
        await self.documents.put(received, filename=filename, media_type=kind)
        crash_points.reached("intake.emails.document_kept")
        return named(received, filename, kind)

    async def _command(
        self,
        mail: Mail,
        opened: OpenedMail,
        home: Agency,
        caller: Caller,
        bounce: Bounce | None = None,
        aside: str | None = None,
    ) -> ReceiveEmail:
        """The command for a message, with the request that it asks for."""
        here, request = self.reception, opened.form.request
        submission = None
        if request is not None and aside is None:
            submission = await here.assemble_submission(request, "email", caller, mail=mail)
        return ReceiveEmail(
            here.new_id(), mail, submission, home, caller, here.clock(), bounce, aside
        )

    async def _bounce(
        self, report: Report, is_ours: OwnNotices
    ) -> tuple[Bounce | None, str | None]:
        """The notice of ours that bounced, and the agency of its request; None if not known."""
        if not (report.failed or report.doubtful):
            return None, None
        message_id = ours_at(report, is_ours)
        about = await self._about(report, message_id)
        if len(about) == 1:
            (request,) = about
            bounce = Bounce(message_id=message_id, request_id=request.facts.request_id)
            return bounce, request.agency
        is_ours_too = about or message_id is not None
        if not is_ours_too and (report.doubtful or is_of_others(report, is_ours)):
            return None, None
        # It may be one of ours: relays change Message-IDs, and some reports quote nothing.
        return Bounce(message_id=message_id), None

    async def _about(self, report: Report, message_id: str | None) -> Sequence[RequestDocument]:
        """The request that a bounced notice was about; several, if it is not known which."""
        requests = self.reception.requests
        if message_id and (about := await requests.of_notice(message_id)) is not None:
            return [about]
        for reference in report.references:
            if len(found := await requests.referred_to(reference)) == 1:
                return found
        return await requests.written_to(report.recipients) if report.recipients else ()
