"""How a notice reaches its user: as an e-mail (RFC 5322) or as a paper (PDF), an acknowledgement with its status code.

An e-mail is plain text, Malay first, in ASCII bytes that every server accepts. A paper is a letter, a memo or a form, laid out
after the public service's guide to official letters and memos (Arahan Pentadbiran Ketua Pengarah MAMPU Bil. 5/2014).
"""

import asyncio
import binascii
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import Compat32
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import segno
import structlog

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.values import PaperChannel, in_groups, status_code
from bmt.press.typesetter import MEDIA_TYPE as PDF
from bmt.press.typesetter import Typesetter
from services.notification.domain.notice import Fact, Notice, OutgoingNotice, Text
from services.notification.wording.english import ENGLISH
from services.notification.wording.malay import MALAY
from services.notification.wording.phrases import english_date, malay_date


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished message.

    Attributes:
        content: its bytes. The same notice always has the same bytes.
        filename: the suggested name for saving it.
    """

    content: bytes
    media_type: str
    filename: str


Render = Callable[[OutgoingNotice], Awaitable[Rendered]]
"""Makes the message of a notice."""


def filename(outgoing: OutgoingNotice, extension: str) -> str:
    """A name made of the reference and what the notice is about."""
    reference = "".join(c if c.isalnum() else "-" for c in outgoing.request.reference)
    return f"{reference}-{outgoing.notice.about}.{extension}"


EMAIL_MEDIA_TYPE: Final = "message/rfc822"
_RULE: Final = "-" * 64
_MESSAGE_ID: Final = re.compile(r"<?([!-;=?-~]+@[!-;=?-~]+)>?")
_LONGEST_LINE: Final = 998


class _AsGiven(Compat32):
    """Writes a header of one line unchanged, without folding.

    The parsing policies take ten times as long. Folding would also break a long Message-ID into RFC
    2047 words. RFC 5322 allows lines of 998 characters.
    """

    def fold(self, name: str, value: str) -> str:
        line = f"{name}: {value}"
        if len(line) <= _LONGEST_LINE and line.isascii():
            return line + self.linesep
        return super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


_AS_GIVEN: Final = _AsGiven(linesep="\r\n", max_line_length=_LONGEST_LINE)


async def render_email(sender: str, outgoing: OutgoingNotice) -> Rendered:
    """The e-mail of a notice, from `sender`."""
    return Rendered(message(outgoing, sender), EMAIL_MEDIA_TYPE, filename(outgoing, "eml"))


def message(outgoing: OutgoingNotice, sender: str) -> bytes:
    """The whole message. Its bytes depend on the notice and the sender alone.

    Raises:
        ValueError: a header would contain a line break.
    """
    notice = outgoing.notice
    parent = _MESSAGE_ID.fullmatch((outgoing.in_reply_to or "").strip())
    # RFC 3834: an acknowledgement is an automatic reply. All other notices follow from a decision.
    answers = parent is not None and notice.about == "acknowledgement"
    return written(
        body(outgoing),
        agency=outgoing.request.agency,
        sender=sender,
        recipient=", ".join(filter(None, (notice.recipient, notice.copy_to))),
        subject=notice.words.subject,
        at=notice.at,
        message_id=notice.message_id or "",
        in_reply_to=f"<{parent[1]}>" if parent else None,
        auto_submitted="auto-replied" if answers else "auto-generated",
    )


def written(
    text: str,
    *,
    agency: str,
    sender: str,
    recipient: str,
    subject: str,
    at: datetime,
    message_id: str,
    in_reply_to: str | None = None,
    auto_submitted: str = "auto-generated",
) -> bytes:
    """The whole message. Its bytes depend on the arguments alone.

    `agency` is in whose name it is sent. `recipient` is one address, or several separated by commas. The
    same message always has the same `message_id` (RFC 5322, 3.6.4). `in_reply_to` is the Message-ID of the
    message that it answers, `auto_submitted` is as in RFC 3834, 5.

    Raises:
        ValueError: a header would contain a line break.
    """
    mail = Message(_AS_GIVEN)
    mail["From"] = formataddr((f"Perkhidmatan BMT {agency}", sender))
    mail["To"] = recipient
    mail["Subject"] = _encoded(subject)
    mail["Date"] = format_datetime(at.astimezone(MALAYSIA).replace(microsecond=0))
    mail["Message-ID"] = message_id
    if in_reply_to is not None:
        mail["In-Reply-To"] = mail["References"] = in_reply_to
    mail["Auto-Submitted"] = auto_submitted
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = 'text/plain; charset="utf-8"'
    mail["Content-Transfer-Encoding"] = "quoted-printable"
    mail["Content-Language"] = "ms, en"
    if any("\n" in value or "\r" in value for value in mail.values()):
        raise ValueError("a header must not hold a linefeed")
    content = text.replace("\n", "\r\n").encode()
    # Encoded at once: the library would do it line by line.
    return mail.as_bytes() + binascii.b2a_qp(content)


def _encoded(text: str) -> str:
    """A header's text in ASCII, encoded by RFC 2047 if necessary."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=_LONGEST_LINE).encode()


def body(outgoing: OutgoingNotice) -> str:
    """The text: Malay, a rule, English."""
    notice, reference = outgoing.notice, outgoing.request.reference
    in_malay = [
        f"Rujukan: {reference}\nTarikh: {malay_date(notice.at)}",
        outgoing.request.applicant.name,
        *_paragraphs(notice, notice.words.malay),
    ]
    in_english = [
        f"Reference: {reference}\nDate: {english_date(notice.at)}",
        *_paragraphs(notice, notice.words.english),
    ]
    return "\n\n".join([*in_malay, _RULE, *in_english]) + "\n"


def _paragraphs(notice: Notice, text: Text) -> Iterator[str]:
    """As in official letters, the first paragraph has no number and the next is 2."""
    yield text.salutation
    yield f"{text.title}: {text.status}".upper()
    yield text.opening
    if text.facts:
        yield "\n".join(f"    {fact.label}: {fact.value}" for fact in text.facts)
    if text.quoted:
        quoted = text.quoted.value.replace("\n", "\n    ")
        yield f"    {text.quoted.label}:\n    {quoted}"
    for number, paragraph in enumerate(text.paragraphs, start=2):
        yield f"{number}. {paragraph}"
    yield from text.closing
    yield f"{text.signatory}\n{notice.agency_name}"


def with_code(notice: Notice, page: str, reference: str, code: str) -> Notice:
    """The notice with the code and the page's address, not the address that needs a login.

    Its QR code leads to the page with the reference filled in. The code itself is in no address,
    because addresses are kept in browser histories and proxy logs.
    """
    in_malay = (
        f"Status permohonan ini boleh disemak tanpa log masuk di {page} dengan rujukan dan kod semakan "
        "di atas; simpan kedua-duanya."
    )
    in_english = (
        f"You can see how this request stands without signing in at {page} with the reference and the "
        "status code above; keep both."
    )
    address = notice.status_address
    content = notice.words.model_copy(
        update={
            "malay": _with(
                notice.words.malay,
                Fact(label="Kod semakan", value=code),
                in_malay,
                MALAY.status_at(address),
            ),
            "english": _with(
                notice.words.english,
                Fact(label="Status code", value=code),
                in_english,
                ENGLISH.status_at(address),
            ),
        }
    )
    leads_to = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": leads_to})


def _with(text: Text, code: Fact, sentence: str, replaced: str) -> Text:
    """Replaces the sentence about the page that needs a login, wherever it is in a paragraph.

    If an agency's own words have no such sentence, the new one goes before the last paragraph,
    which says whom to contact.
    """
    if replaced and any(replaced in paragraph for paragraph in text.paragraphs):
        paragraphs = tuple(one.replace(replaced, sentence) for one in text.paragraphs)
    else:
        paragraphs = (*text.paragraphs[:-1], sentence, *text.paragraphs[-1:])
    return text.model_copy(update={"facts": (*text.facts, code), "paragraphs": paragraphs})


async def render_with_code(
    render: Render, page: str, key: str, outgoing: OutgoingNotice
) -> Rendered:
    """Render a notice. An acknowledgement also gets its status code and a link to `page`.

    The code is added to the stored message only. No event contains it.
    """
    if outgoing.notice.about != "acknowledgement":
        return await render(outgoing)
    request = outgoing.request
    code = in_groups(status_code(key, request.request_id))
    notice = with_code(outgoing.notice, page, request.reference, code)
    return await render(replace(outgoing, notice=notice))


log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "papers"


_typesetter: Final = Typesetter(TEMPLATES)


async def render_paper(channel: PaperChannel, outgoing: OutgoingNotice) -> Rendered:
    """The paper of a notice."""
    content = await asyncio.to_thread(pdf, channel, outgoing)
    return Rendered(content, PDF, filename(outgoing, "pdf"))


def pdf(channel: PaperChannel, outgoing: OutgoingNotice) -> bytes:
    """The paper as a PDF. A character that no font has becomes an empty square, and is logged."""

    def lacks_font() -> None:
        log.warning("paper_lacks_font", request_id=outgoing.request.request_id)

    return _typesetter.pdf(channel, _paper(outgoing), lacks_font)


def _paper(outgoing: OutgoingNotice) -> dict[str, Any]:
    """The data that a template reads."""
    notice, request = outgoing.notice, outgoing.request
    day = notice.at.astimezone(MALAYSIA).date()
    return {
        "agency": notice.agency_name,
        "reference": request.reference,
        "recipient": notice.recipient,
        "account": request.applicant.account,
        "about": notice.about,
        "kind": request.kind,
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "date": {"malay": malay_date(notice.at), "english": english_date(notice.at)},
        "malay": notice.words.malay.model_dump(),
        "english": notice.words.english.model_dump(),
        "status_address": notice.status_address,
        "qr": segno.make(notice.status_address, error="m").svg_inline(scale=4)
        if notice.status_address
        else None,
    }
