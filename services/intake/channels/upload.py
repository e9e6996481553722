"""Documents are stored and recorded: those uploaded, checked against their declared type, and those of a message."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore, Received, received_bytes
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.intake.access import keyed_stream
from services.intake.channels.media_types import ALLOWED, EMAIL, ENDINGS, filename_of, recognise
from services.intake.domain.events import Mail
from services.intake.domain.submission import address_in
from services.intake.domain.upload import RecordUpload
from services.intake.mail_process import OpenedMail

_POINTER: Final = "/header/content-type"


def kind_not_taken(kinds: tuple[str, ...], **extra: JsonValue) -> Refused:
    """The refusal of a Content-Type that is none of `kinds`; `extra` are further members of the problem."""
    wrong = FieldError.of(_POINTER, "kind_not_taken", kinds=kinds)
    problem = "unsupported_media_type"
    return Refused(wrong.detail, problem=problem, extra=extra, errors=(wrong,))


def nothing_in_it() -> Refused:
    """The refusal of an empty body."""
    wrong = FieldError.of("", "nothing_in_it")
    return Refused(wrong.detail, errors=(wrong,))


async def document_of(received: Received, content_type: str, disposition: str | None) -> Document:
    """The document under its uploader's name for it, of the kind of its content.

    Raises:
        Refused: the body is empty, of another kind than declared, or of one that is not accepted; or the name is
            not acceptable.
    """
    declared = content_type.partition(";")[0].strip().lower()
    if not received.size_bytes:
        raise nothing_in_it()
    if declared not in ALLOWED:
        raise kind_not_taken(ALLOWED, allowed=list(ALLOWED))
    if await asyncio.to_thread(recognise, received.content, declared) != declared:
        wrong = FieldError.of(_POINTER, "not_what_it_says", kind=declared)
        raise Refused(wrong.detail, errors=(wrong,))
    return Document(
        document_id=received.document_id,
        filename=filename_of(disposition, f"document{ENDINGS[declared]}"),
        media_type=declared,
        size_bytes=received.size_bytes,
    )


@dataclass(frozen=True, slots=True)
class Uploads:
    """Stores documents, and records who uploaded them."""

    execution: Execution[Any, Any]
    documents: DocumentStore
    clock: Clock

    async def store(
        self, received: Received, content_type: str, disposition: str | None
    ) -> Document:
        """Store the content.

        Raises:
            Refused: as `document_of`.
        """
        document = await document_of(received, content_type, disposition)
        await self.documents.put(
            received, filename=document.filename, media_type=document.media_type
        )
        crash_points.reached("intake.upload.stored")
        return document

    async def record(self, document: Document, context: CommandContext) -> Executed:
        """Record that the caller uploaded the document: one event in a stream of its own."""
        uploader = context.principal
        command = RecordUpload(document, uploader.subject, self.clock(), uploader.agency)
        stream = keyed_stream("upload", context)
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))


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
