"""Reading an e-mail message (RFC 5322, 2045) with the standard library, whatever is wrong with it.

What cannot be read is left out and said so; the message itself is kept whole elsewhere. It may take
a second for the largest: not for the event loop.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import EmailPolicy
from itertools import islice
from typing import Any, Final

from services.intake.channels.automatic import why_automatic
from services.intake.channels.enclosed import Part, opened, taken_out
from services.intake.channels.reports import Report, report_of

MOST_PARTS: Final = 200
MOST_ATTACHMENTS: Final = 50
MOST_TEXT_BYTES: Final = 1024 * 1024
_MOST_DASHED_LINES: Final = 2000
_MOST_COMPARISONS: Final = 10_000_000
_LONGEST_HEADER: Final = 4096
_LONGEST_SHOWN: Final = 500
_MOST_ALIKE: Final = 5
_RESULTS: Final = "authentication-results"
_MOST_RESULTS: Final = 20
_MESSAGE_ID: Final = re.compile(r"<[!-;=?A-~]{1,120}@[!-;=?A-~]{1,120}>")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_SLOW_CODECS: Final = ("punycode", "idna")
"""Python knows them as encodings; no message is written in them, and a long one takes minutes."""


class _TooManyParts(Exception):  # noqa: N818  named for what is so
    """No mail program writes such a message."""


class _Bounded(EmailPolicy):
    """Reads headers only so far, and gives what it cannot parse as plain text."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The header's value."""
        short = value[:_LONGEST_HEADER]
        try:
            return super().header_fetch_parse(name, short)
        except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
            return _CONTROL.sub(" ", short)


_POLICY: Final = _Bounded()


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """What could be read of a message.

    Attributes:
        message_id: in angle brackets, when there is a sane one.
        sender: From, as it says; where it stands more than once, all that it says.
        subject: as it says.
        automatic: what tells that a machine sent it, as such a code; empty for what a person wrote.
        plain: the text parts that are the message itself.
        html: the HTML parts that are the message itself.
        attachments: all others, and what is written into a text as a file.
        unreadable: what could not be read, as codes of `bmt.contracts.faults`.
        report: what it tells of another message.
        authentication: what mail servers say of its sender (Authentication-Results, RFC 8601).
    """

    message_id: str | None
    sender: str
    subject: str
    automatic: str
    plain: tuple[str, ...]
    html: tuple[str, ...]
    attachments: tuple[Part, ...]
    unreadable: tuple[str, ...]
    report: Report
    authentication: tuple[str, ...] = ()


def read(content: bytes, *, lists: bool = False) -> ReadMessage:
    """The message; never raises, whatever the bytes are. `lists`: as of `why_automatic`."""
    try:
        _require_reasonable(content)
        # The type stubs make policies generic, and the class cannot be: so `parse` is untyped.
        parse: Any = email.message_from_bytes
        message = parse(content, _class=EmailMessage, policy=_POLICY)
        return _read(message, lists=lists)
    except Exception:  # noqa: BLE001  it waits for a person, whole
        return unread("message_unreadable")


def unread(why: str) -> ReadMessage:
    """A message of which nothing is known."""
    return ReadMessage(None, "", "", "", (), (), (), (why,), Report())


def _require_reasonable(content: bytes) -> None:
    """The parser compares every line with every boundary around it: minutes, for who wants that."""
    boundaries = content.lower().count(b"boundary")
    if (
        content.count(b"\n--") > _MOST_DASHED_LINES
        or content.count(b"\n") * boundaries > _MOST_COMPARISONS
    ):
        raise _TooManyParts


def _read(message: EmailMessage, *, lists: bool) -> ReadMessage:
    plain: list[str] = []
    html: list[str] = []
    attachments: list[Part] = []
    unreadable: list[str] = []
    told_inside: list[str] = []
    leaves = list(_leaves(message))
    for part in leaves:
        if not _is_body(part):
            inside = opened(part)
            attachments.extend(inside.parts)
            told_inside.append(inside.text)
            continue
        is_html = part.get_content_subtype() == "html"
        raw, enclosed = taken_out(part.get_payload(decode=True) or b"", html=is_html)
        attachments.extend(enclosed)
        if (text := _text(part, raw)) is None:
            unreadable.append("text_unreadable")
        else:
            (html if is_html else plain).append(text)
    if not any(text.strip() for text in (*plain, *html)):
        plain.extend(filter(None, told_inside))
    if len(attachments) > MOST_ATTACHMENTS:
        unreadable.append("too_many_attachments")
    report = report_of(message, leaves)
    automatic = why_automatic(message, lists=lists)
    if report.delayed and not automatic:
        automatic = "mail_delay"
    return ReadMessage(
        message_id=_message_id(message),
        sender=_header(message, "from"),
        subject=_header(message, "subject"),
        automatic=automatic,
        plain=tuple(plain),
        html=tuple(html),
        attachments=tuple(attachments),
        unreadable=tuple(unreadable),
        report=report,
        authentication=_authentication(message),
    )


def _leaves(message: Any) -> Iterator[Any]:
    """The parts that hold something, in order; a message within the message is one of them."""
    waiting = [message]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting[:0] = part.get_payload()
        else:
            yield part
    if waiting:
        raise _TooManyParts


def _is_body(part: Any) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return is_text and part.get_content_disposition() != "attachment" and not part.get_filename()


def _text(part: Any, raw: bytes) -> str | None:
    """The part's text as it was meant, of these bytes; None when that cannot be told."""
    if len(raw) > MOST_TEXT_BYTES:
        return None
    for charset in (part.get_content_charset() or "utf-8", "utf-8"):
        if charset in _SLOW_CODECS:
            continue
        try:
            # UTF-7 and others can say half a character, which no other program takes.
            return str(raw, charset).encode("utf-8", "replace").decode()
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    return None


def _header(message: EmailMessage, name: str) -> str:
    raw = (header for header in message.raw_items() if header[0].lower() == name)
    parse = message.policy.header_fetch_parse
    said = ", ".join(str(parse(*header)) for header in islice(raw, _MOST_ALIKE))
    return _CONTROL.sub(" ", said)[:_LONGEST_SHOWN].strip()


def _authentication(message: EmailMessage) -> tuple[str, ...]:
    """As they came, unfolded; what is longer than any server writes tells nothing."""
    raw = (value for name, value in message.raw_items() if name.lower() == _RESULTS)
    short = (str(value) for value in islice(raw, _MOST_RESULTS))
    return tuple(_CONTROL.sub(" ", value) for value in short if len(value) <= _LONGEST_HEADER)


def _message_id(message: EmailMessage) -> str | None:
    """As it was sent: what the standard library mends, no other program would know again."""
    raw = (value for name, value in message.raw_items() if name.lower() == "message-id")
    found = str(next(raw, "")).strip()
    return found if _MESSAGE_ID.fullmatch(found) else None
