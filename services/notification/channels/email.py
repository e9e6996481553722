"""An e-mail (RFC 5322): plain text, Malay first, in ASCII bytes that every server accepts."""

import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import Compat32
from email.utils import format_datetime, formataddr
from typing import Final

from bmt.agencies.charter import MALAYSIA
from services.notification.channels import Rendered, filename
from services.notification.domain.notice import Notice, OutgoingNotice, Text
from services.notification.wording.phrases import english_date, malay_date

MEDIA_TYPE: Final = "message/rfc822"
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


async def render(sender: str, outgoing: OutgoingNotice) -> Rendered:
    """The e-mail of a notice, from `sender`."""
    return Rendered(message(outgoing, sender), MEDIA_TYPE, filename(outgoing, "eml"))


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
        subject=notice.content.subject,
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
        *_paragraphs(notice, notice.content.malay),
    ]
    in_english = [
        f"Reference: {reference}\nDate: {english_date(notice.at)}",
        *_paragraphs(notice, notice.content.english),
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
