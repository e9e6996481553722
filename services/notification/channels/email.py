"""An e-mail (RFC 5322): plain text, Malay first, made of ASCII bytes that any server carries."""

import re
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from bmt.agencies.charter import MALAYSIA
from services.notification.channels.rendered import Render, Rendered, filename
from services.notification.domain.notice import Notice, Text
from services.notification.domain.state import Slip
from services.notification.wording.amounts import english_date, malay_date

MEDIA_TYPE: Final = "message/rfc822"
_RULE: Final = "-" * 64
_MESSAGE_ID: Final = re.compile(r"<?([!-;=?-~]+@[!-;=?-~]+)>?")
# Folding would break a long Message-ID apart (RFC 2047 words); RFC 5322 allows lines of 998.
_UNFOLDED: Final = SMTP.clone(max_line_length=998)


def rendering(sender: str) -> Render:
    """Makes e-mails from `sender`."""

    async def render(slip: Slip) -> Rendered:
        return Rendered(message(slip, sender), MEDIA_TYPE, filename(slip, "eml"))

    return render


def message(slip: Slip, sender: str) -> bytes:
    """The whole message; nothing in it but the notice decides its bytes."""
    notice = slip.notice
    mail = EmailMessage(SMTP)
    mail["From"] = Address(f"Perkhidmatan BMT {slip.request.agency}", addr_spec=sender)
    mail["To"] = Address(addr_spec=notice.recipient)
    mail["Subject"] = notice.content.subject
    mail["Date"] = notice.at.astimezone(MALAYSIA).replace(microsecond=0)
    mail["Message-ID"] = notice.message_id
    asked = _MESSAGE_ID.fullmatch((slip.in_reply_to or "").strip())
    if asked is not None:
        mail["In-Reply-To"] = mail["References"] = f"<{asked[1]}>"
    # RFC 3834: a receipt answers a message by itself; all else is told because a person decided.
    answers = asked is not None and notice.about == "acknowledgement"
    mail["Auto-Submitted"] = "auto-replied" if answers else "auto-generated"
    mail.set_content(body(slip), cte="quoted-printable")
    mail["Content-Language"] = "ms, en"
    return mail.as_bytes(policy=_UNFOLDED)


def body(slip: Slip) -> str:
    """What the user reads: Malay, a rule, English."""
    notice, reference = slip.notice, slip.request.reference
    in_malay = [
        f"Rujukan: {reference}\nTarikh: {malay_date(notice.at)}",
        slip.request.applicant.name,
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
