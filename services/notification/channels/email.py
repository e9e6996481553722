"""An e-mail (RFC 5322): plain text, Malay first, made of ASCII bytes that any server carries."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import Compat32
from email.utils import format_datetime, formataddr
from typing import Final

from bmt.agencies.charter import MALAYSIA
from services.notification.channels import Rendered, filename
from services.notification.domain.notice import Notice, Text
from services.notification.domain.state import OutgoingNotice
from services.notification.wording.phrases import english_date, malay_date

MEDIA_TYPE: Final = "message/rfc822"
_RULE: Final = "-" * 64
_MESSAGE_ID: Final = re.compile(r"<?([!-;=?-~]+@[!-;=?-~]+)>?")
_LONGEST_LINE: Final = 998


class _AsGiven(Compat32):
    """Writes a header that is one line as it is: no folding has anything to do there.

    The parsing policies take ten times as long. Folding would break a long Message-ID apart (RFC 2047
    words); RFC 5322 allows lines of 998.
    """

    def fold(self, name: str, value: str) -> str:
        """The header's line, or lines."""
        line = f"{name}: {value}"
        if len(line) <= _LONGEST_LINE and line.isascii():
            return line + self.linesep
        return super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


_AS_GIVEN: Final = _AsGiven(linesep="\r\n", max_line_length=_LONGEST_LINE)


async def render(sender: str, outgoing: OutgoingNotice) -> Rendered:
    """The e-mail of a notice, from `sender`."""
    return Rendered(message(outgoing, sender), MEDIA_TYPE, filename(outgoing, "eml"))


def message(outgoing: OutgoingNotice, sender: str) -> bytes:
    """The whole message; nothing in it but the notice decides its bytes.

    Raises:
        ValueError: a header would not be one line.
    """
    notice = outgoing.notice
    asked = _MESSAGE_ID.fullmatch((outgoing.in_reply_to or "").strip())
    # RFC 3834: a receipt answers a message by itself; all else is told because a person decided.
    answers = asked is not None and notice.about == "acknowledgement"
    return written(
        Head(
            agency=outgoing.request.agency,
            sender=sender,
            recipient=", ".join(filter(None, (notice.recipient, notice.copy_to))),
            subject=notice.content.subject,
            at=notice.at,
            message_id=notice.message_id or "",
            in_reply_to=f"<{asked[1]}>" if asked else None,
            auto_submitted="auto-replied" if answers else "auto-generated",
        ),
        body(outgoing),
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a message's text.

    Attributes:
        agency: in whose name it is sent.
        sender: the address it is sent from.
        recipient: the address it is sent to, or several with commas between.
        subject: one line.
        at: its date.
        message_id: RFC 5322, 3.6.4; the same message always has the same.
        in_reply_to: Message-ID of the message that it answers.
        auto_submitted: RFC 3834, 5.
    """

    agency: str
    sender: str
    recipient: str
    subject: str
    at: datetime
    message_id: str
    in_reply_to: str | None = None
    auto_submitted: str = "auto-generated"


def written(head: Head, text: str) -> bytes:
    """The whole message; nothing but its arguments decides its bytes.

    Raises:
        ValueError: a header would not be one line.
    """
    mail = Message(_AS_GIVEN)
    mail["From"] = formataddr((f"Perkhidmatan BMT {head.agency}", head.sender))
    mail["To"] = head.recipient
    mail["Subject"] = _encoded(head.subject)
    mail["Date"] = format_datetime(head.at.astimezone(MALAYSIA).replace(microsecond=0))
    mail["Message-ID"] = head.message_id
    if head.in_reply_to is not None:
        mail["In-Reply-To"] = mail["References"] = head.in_reply_to
    mail["Auto-Submitted"] = head.auto_submitted
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = 'text/plain; charset="utf-8"'
    mail["Content-Transfer-Encoding"] = "quoted-printable"
    mail["Content-Language"] = "ms, en"
    if any("\n" in value or "\r" in value for value in mail.values()):
        raise ValueError("a header must not hold a linefeed")
    content = text.replace("\n", "\r\n").encode()
    # The text is in its last form; the library would write it line by line.
    return mail.as_bytes() + binascii.b2a_qp(content)


def _encoded(text: str) -> str:
    """A header's text in ASCII (RFC 2047 where it is not)."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=_LONGEST_LINE).encode()


def body(outgoing: OutgoingNotice) -> str:
    """What the user reads: Malay, a rule, English."""
    notice, reference = outgoing.notice, outgoing.request.reference
    in_malay = [
        f"Rujukan: {reference}\nTarikh: {malay_date(notice.at)}",
        outgoing.request.applicant.name,
        *_paragraphs(notice, notice.content.malay),
    ]
    in_english = [
        f"Reference: {reference}\nDate: {english_date(notice.at)}",
        *_paragraphs(notice, notice.content.english),
    ]
    return "\n\n".join([*in_malay, _RULE, *in_english]) + "\n"


def _paragraphs(notice: Notice, text: Text) -> Iterator[str]:
    """In the manner of official letters: the first paragraph has no number, the next is 2."""
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
