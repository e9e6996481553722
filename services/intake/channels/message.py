"""Reads e-mail messages (RFC 5322, 2045) with the standard library, however malformed.

Unreadable parts are left out and reported; the whole message is stored elsewhere. The largest takes a second:
do not run it in the event loop.
"""

import codecs
import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import EmailPolicy
from itertools import islice
from typing import Any, Final

from asn1crypto import cms, pem

from services.intake.channels.character_sets import Decoded, decoded
from services.intake.channels.enclosed import Part, opened, taken_out
from services.intake.channels.reports import Report, report_of, why_automatic

_SIGNATURE: Final = "-- "


def unflowed(text: str, *, del_sp: bool = False) -> str:
    """The text without soft line breaks (RFC 3676); `del_sp` removes the space before them, too (4.1)."""
    whole: list[str] = []
    pieces: list[str] = []
    depth = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.lstrip(">")
        level = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        is_signature = bare == _SIGNATURE
        if pieces and (level != depth or is_signature):
            whole.append(_unquoted_line(pieces, depth))
            pieces = []
        depth = level
        flows = bare.endswith(" ") and not is_signature
        pieces.append(bare[:-1] if flows and del_sp else bare)
        if not flows:
            whole.append(_unquoted_line(pieces, depth))
            pieces = []
    return "\n".join((*whole, *([_unquoted_line(pieces, depth)] if pieces else [])))


def _unquoted_line(pieces: list[str], depth: int) -> str:
    line = "".join(pieces)
    return f"{'>' * depth} {line}" if depth else line


# S/MIME signatures are not verified: the sender is authenticated by `authentication`.

_TYPES: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENDING: Final = ".p7m"
_SIGNED: Final = "signed_data"
_ENCRYPTED: Final = ("enveloped_data", "authenticated_enveloped_data", "encrypted_data")
_PGP_TYPES: Final = "application/pgp-encrypted"
_LARGEST: Final = 64 * 1024 * 1024


class Closed(Exception):  # noqa: N818  named for what is so
    """The content cannot be read; the text is a code of `bmt.contracts.faults`."""


def is_sealed(part: EmailMessage) -> bool:
    """Whether the part holds a message that is signed or encrypted as a whole."""
    name = str(part.get_filename() or "").lower()
    return part.get_content_type() in (*_TYPES, _PGP_TYPES) or name.endswith(_ENDING)


def unsealed(part: EmailMessage) -> bytes:
    """The signed message (S/MIME, RFC 8551) with its own MIME header; the signature is not verified.

    Raises:
        Closed: it is encrypted, or no signed message.
    """
    if part.get_content_type() == _PGP_TYPES:
        raise Closed("encrypted")
    raw: Any = part.get_payload(decode=True) or b""
    try:
        if pem.detect(raw):
            _, _, raw = pem.unarmor(raw)
        told = cms.ContentInfo.load(raw[:_LARGEST])
        kind = told["content_type"].native
        if kind in _ENCRYPTED:
            raise Closed("encrypted")
        content = (
            told["content"]["encap_content_info"]["content"].native if kind == _SIGNED else None
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Closed("signed_unopened") from None
    if not isinstance(content, bytes):
        raise Closed("signed_unopened")
    return content


MOST_PARTS: Final = 200
MOST_ATTACHMENTS: Final = 50
MOST_TEXT_BYTES: Final = 1024 * 1024
MOST_HTML_BYTES: Final = 4 * 1024 * 1024
_MOST_DASHED_LINES: Final = 2000
_MOST_COMPARISONS: Final = 10_000_000
_LONGEST_HEADER: Final = 4096
_LONGEST_SHOWN: Final = 500
_MOST_ALIKE: Final = 5
_RESULTS: Final = "authentication-results"
_MOST_RESULTS: Final = 20
_MESSAGE_ID: Final = re.compile(r"<[!-;=?A-~]{1,120}@[!-;=?A-~]{1,120}>")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_TYPE: Final = re.compile(
    r"\s*([\w.+-]{1,80}/[\w.+-]{1,80})\s*(?:\([^()]{0,200}\)\s*)?;?(.*)", re.DOTALL
)
_BOUNDARY: Final = re.compile(r"(\bboundary\s{0,5}=\s{0,5})([^\"\s;]{1,200})", re.IGNORECASE)
_ENCODING: Final = re.compile(r"[a-z0-9-]{1,40}")
_PGP: Final = b"-----BEGIN PGP MESSAGE-----"
_META: Final = re.compile(
    rb"<meta[^<>]{0,300}?charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", re.IGNORECASE
)
_META_WITHIN: Final = 4096
_HEADER: Final = re.compile(
    rb"(?:>?From [^\r\n]{0,500}\r?\n)?"
    rb"(?:from|to|cc|subject|date|message-id|mime-version|received|return-path|delivered-to|content-type|reply-to|sender"
    rb"|x-[a-z0-9-]{1,60}|dkim-signature|arc-[a-z-]{1,40}|authentication-results|in-reply-to|references|thread-[a-z]{1,10})[ \t]{0,5}:",
    re.IGNORECASE,
)
_ANSWERS: Final = re.compile(
    r"\s*(?:re|fw|fwd|bls|balas|jwb|tr|aw|wg|rv|答复|回复|转发|回覆|轉寄)\s{0,3}(?:\[\d{1,3}\])?\s{0,3}[:：]",
    re.IGNORECASE,
)


class _TooManyParts(Exception):  # noqa: N818  named for what is so
    """The message has more parts than any mail program writes."""


class _Bounded(EmailPolicy):
    """Reads headers up to a length; an unparsable header is plain text."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        short = value[:_LONGEST_HEADER]
        if name.lower() == "content-type" and (told := _TYPE.fullmatch(short)):
            # Accept what all mail programs do: a comment, a missing semicolon, a boundary with a = in it.
            short = f"{told[1]}; {_BOUNDARY.sub(_quoted, told[2])}" if told[2].strip() else told[1]
        try:
            return super().header_fetch_parse(name, short)
        except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
            return _CONTROL.sub(" ", short)


def _quoted(boundary: re.Match[str]) -> str:
    return f'{boundary[1]}"{boundary[2]}"'


_POLICY: Final = _Bounded()


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """What could be read of a message.

    Attributes:
        message_id: in angle brackets, if it is well formed.
        sender: From; all of them, if there are several.
        automatic: why it is from a machine, as a code of `bmt.contracts.faults`; empty for a person's message.
        is_answer: it states that it answers or forwards another message.
        plain: the text parts of the message itself.
        html: the HTML parts of the message itself.
        attachments: all other parts, and the files within texts.
        unreadable: why a person must read it in any case, as such codes.
        closed: other unreadable parts, as such codes; they matter if the rest has no form.
        report: what it reports about another message.
        authentication: its headers Authentication-Results (RFC 8601).
    """

    message_id: str | None
    sender: str
    subject: str
    automatic: str
    plain: tuple[Decoded, ...]
    html: tuple[Decoded, ...]
    attachments: tuple[Part, ...]
    unreadable: tuple[str, ...]
    report: Report
    authentication: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    is_answer: bool = False


def read(content: bytes, *, lists: bool = False) -> ReadMessage:
    """The message; never raises. `lists` is as of `why_automatic`."""
    try:
        return _read(_parsed(_from_its_header(content)), lists=lists)
    except Exception:  # noqa: BLE001  it waits for a person, whole
        return unread("message_unreadable")


def _parsed(content: bytes) -> EmailMessage:
    _require_reasonable(content)
    # The type stubs make policies generic, which the class cannot be, so `parse` is untyped.
    parse: Any = email.message_from_bytes
    message: EmailMessage = parse(content, _class=EmailMessage, policy=_POLICY)
    return message


def _from_its_header(content: bytes) -> bytes:
    """The message without a byte order mark, blank lines and mailbox line before its header."""
    head = content[:_LONGEST_HEADER]
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n\t ")
    if not _HEADER.match(begin):
        return content
    return content[len(head) - len(begin) :].removeprefix(b">")


def unread(why: str) -> ReadMessage:
    """A message that was not read."""
    return ReadMessage(None, "", "", "", (), (), (), (why,), Report())


def _require_reasonable(content: bytes) -> None:
    """The parser compares every line with every enclosing boundary, which can take minutes."""
    boundaries = content.lower().count(b"boundary")
    if (
        content.count(b"\n--") > _MOST_DASHED_LINES
        or content.count(b"\n") * boundaries > _MOST_COMPARISONS
    ):
        raise _TooManyParts


def _read(message: EmailMessage, *, lists: bool) -> ReadMessage:
    texts = _Texts()
    leaves = list(_leaves(message, texts.closed))
    for part in leaves:
        texts.take(part)
    texts.end()
    if len(texts.attachments) > MOST_ATTACHMENTS:
        texts.unreadable.append("too_many_attachments")
    subject = _header(message, "subject")
    report = report_of(message, leaves)
    automatic = why_automatic(message, lists=lists)
    if report.delayed and not automatic:
        automatic = "mail_delay"
    return ReadMessage(
        message_id=_message_id(message),
        sender=_header(message, "from"),
        subject=subject,
        automatic=automatic,
        plain=tuple(texts.plain),
        html=tuple(texts.html),
        attachments=tuple(texts.attachments),
        unreadable=tuple(dict.fromkeys(texts.unreadable)),
        closed=tuple(dict.fromkeys(texts.closed)),
        report=report,
        authentication=_authentication(message),
        is_answer=any(name in message for name in ("in-reply-to", "references"))
        or bool(_ANSWERS.match(subject)),
    )


class _Texts:
    """Sorts the parts of a message."""

    def __init__(self) -> None:
        self.plain: list[Decoded] = []
        self.html: list[Decoded] = []
        self.attachments: list[Part] = []
        self.unreadable: list[str] = []
        self.closed: list[str] = []
        self._inside: list[str] = []

    def take(self, part: Any) -> None:
        if not _is_body(part):
            inside = opened(part)
            self.attachments.extend(inside.parts)
            self._inside.append(inside.text)
            return
        is_html = part.get_content_subtype() == "html"
        raw, enclosed = taken_out(part.get_payload(decode=True) or b"", html=is_html)
        self.attachments.extend(enclosed)
        if is_html and len(raw) > MOST_HTML_BYTES:
            self.closed.append("html_too_long")
        elif not is_html and len(raw) > MOST_TEXT_BYTES:
            self.unreadable.append("text_too_long")
        else:
            (self.html if is_html else self.plain).append(_text(part, raw, html=is_html))
            if _PGP in raw:
                self.closed.append("encrypted")

    def end(self) -> None:
        """A message without a text of its own has that of its winmail.dat."""
        if not any(text.text.strip() for text in (*self.plain, *self.html)):
            self.plain.extend(Decoded(text) for text in self._inside if text)


def _leaves(message: Any, closed: list[str]) -> Iterator[Any]:
    """The parts with content, in order; an enclosed message is one of them.

    Signed content replaces its signature; what cannot be opened is added to `closed`.
    """
    waiting = [message]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        _mend_encoding(part)
        if is_sealed(part):
            try:
                waiting.insert(0, _parsed(unsealed(part)))
            except Closed as error:
                closed.append(str(error))
            else:
                continue
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting[:0] = part.get_payload()
        else:
            yield part
    if waiting:
        raise _TooManyParts


def _mend_encoding(part: Any) -> None:
    """`8bit (none)` is 8bit, as for all mail programs."""
    told = str(part.get("content-transfer-encoding", "")).strip().lower()
    meant = _ENCODING.match(told)
    if meant and meant[0] != told:
        part.replace_header("content-transfer-encoding", meant[0])


def _is_body(part: Any) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return is_text and part.get_content_disposition() != "attachment" and not part.get_filename()


def _text(part: Any, raw: bytes, *, html: bool) -> Decoded:
    label = part.get_content_charset()
    if html and not label and (meta := _META.search(raw[:_META_WITHIN])):
        label = meta[1].decode("ascii", "replace")
    text = decoded(raw, label)
    if html or str(part.get_param("format", "")).lower() != "flowed":
        return text
    del_sp = str(part.get_param("delsp", "")).lower() == "yes"
    return Decoded(unflowed(text.text, del_sp=del_sp), text.is_certain)


def _header(message: EmailMessage, name: str) -> str:
    raw = (header for header in message.raw_items() if header[0].lower() == name)
    parse = message.policy.header_fetch_parse
    said = ", ".join(str(parse(*header)) for header in islice(raw, _MOST_ALIKE))
    return _CONTROL.sub(" ", said)[:_LONGEST_SHOWN].strip()


def _authentication(message: EmailMessage) -> tuple[str, ...]:
    """The headers as they came, unfolded; longer ones than any server writes are ignored."""
    raw = (value for name, value in message.raw_items() if name.lower() == _RESULTS)
    short = (str(value) for value in islice(raw, _MOST_RESULTS))
    return tuple(_CONTROL.sub(" ", value) for value in short if len(value) <= _LONGEST_HEADER)


def _message_id(message: EmailMessage) -> str | None:
    """The Message-ID as it was sent, not as the standard library mends it."""
    raw = (value for name, value in message.raw_items() if name.lower() == "message-id")
    found = str(next(raw, "")).strip()
    return found if _MESSAGE_ID.fullmatch(found) else None
