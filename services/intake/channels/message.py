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

import webencodings
from charset_normalizer import from_bytes

from services.intake.channels.media_types import MOST_ATTACHMENTS
from services.intake.channels.parts import (
    Closed,
    Part,
    is_sealed,
    opened,
    taken_out,
    unflowed,
    unsealed,
)
from services.intake.channels.reports import Report, report_of, why_automatic

UNCLEAR: Final = "\N{REPLACEMENT CHARACTER}"

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SUPERSETS: Final = {"gbk": "gb18030", "euc-jp": "euc_jis_2004"}
"""Programs label the larger set with the smaller one's name."""
_ESCAPED: Final = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b(?:\$[@B]|\$\(D|\(I)"), "iso2022_jp_ext"),
)
"""ISO 2022 names its character sets in the bytes."""
_SLOW: Final = ("punycode", "idna")
"""Python's codecs that no message is written in; a long text takes minutes."""
_WESTERN: Final = "cp1252"
_NOT_WESTERN: Final = re.compile("[\xa1-\xff]{3}")
"""No Western language has three such letters in a row."""
_PAIR: Final = re.compile(rb"[\x80-\xff]{2}")
_CANDIDATES: Final = [
    *("gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "cp874", "cp1251", "cp1256", "cp1252"),
]
"""What is written in Malaysia, and by its correspondents; more candidates make the guess worse."""
_MOST_LINES_GUESSED: Final = 40
_LONGEST_GUESSED: Final = 8192
_TWICE: Final = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0178\u0192\u02c6-\u02dc\u2013-\u203a\u20ac\u2122]"
)
"""A letter of UTF-8 that was decoded as Western and encoded again, such as `Ã©`."""
_HALVES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded text, with `UNCLEAR` for bytes without a meaning; not certain: characters beyond ASCII were guessed."""

    text: str
    is_certain: bool = True


def decoded(raw: bytes, label: str | None) -> Decoded:
    """The text of these bytes under this label (None: there is none)."""
    text = _decoded(raw, label)
    return _written_once(text) if _TWICE.search(text.text) else text


def _written_once(text: Decoded) -> Decoded:
    """The text before some program encoded it twice; this is a guess."""
    try:
        return Decoded(text.text.encode(_WESTERN).decode(), is_certain=False)
    except ValueError:
        return text


def _decoded(raw: bytes, label: str | None) -> Decoded:
    for mark, marked in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return _replacing(raw[len(mark) :], marked)
    if raw.isascii() and (named := next((name for sign, name in _ESCAPED if sign.search(raw)), "")):
        return _strictly(raw, named) or _guessed(raw)
    codec = _codec(label)
    if codec is not None and codec.startswith(("utf-16", "utf-32")):
        codec = _in_order(raw, codec)
    if codec in (None, "utf-8", _WESTERN) and (text := _strictly(raw, "utf-8")):
        return text
    text = None if codec is None else _strictly(raw, codec)
    if text and not (codec == _WESTERN and _NOT_WESTERN.search(text.text)):
        return text
    return _guessed(raw)


def _in_order(raw: bytes, codec: str) -> str:
    """The codec as the zero bytes of the text's ASCII letters show it, whatever the label says of their order."""
    first, second = raw[::2].count(0), raw[1::2].count(0)
    if not first and not second:
        return "utf-8"
    is_big = first > second
    return codec if "32" in codec else f"utf-16-{'be' if is_big else 'le'}"


def _codec(label: str | None) -> str | None:
    """Python's codec for a label, or None."""
    name = (label or "").strip("'\" \t").lower()
    known = webencodings.lookup(name)
    if known is not None and known.name not in ("replacement", "x-user-defined"):
        codec: str = known.codec_info.name
        return _SUPERSETS.get(codec, codec)
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return None if codec in _SLOW else codec


def _strictly(raw: bytes, codec: str) -> Decoded | None:
    """None if the bytes are no valid text of this codec."""
    try:
        text = str(raw, codec)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None
    # UTF-7 and others can encode half a character, which no other program accepts.
    return Decoded(_HALVES.sub(UNCLEAR, text)) if isinstance(text, str) else None


def _replacing(raw: bytes, codec: str) -> Decoded:
    return Decoded(_HALVES.sub(UNCLEAR, raw.decode(codec, "replace")))


def _guessed(raw: bytes) -> Decoded:
    """A guess by the lines with characters beyond ASCII."""
    utf_8 = raw.decode("utf-8", "replace")
    broken = utf_8.count(UNCLEAR)
    if sum(not char.isascii() for char in utf_8) >= 2 * broken:
        return Decoded(utf_8, is_certain=False)
    lines = (line for line in raw.split(b"\n") if not line.isascii())
    telling = b"\n".join(islice(lines, _MOST_LINES_GUESSED))
    if not _PAIR.search(telling) and (western := _strictly(raw, _WESTERN)):
        return Decoded(western.text, is_certain=False)
    guesses = from_bytes(telling[:_LONGEST_GUESSED], cp_isolation=_CANDIDATES) if telling else None
    best = guesses.best() if guesses else None
    codec = best.encoding if best else _WESTERN
    return Decoded(_replacing(raw, codec).text, is_certain=False)


MOST_PARTS: Final = 200
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
        if name.lower() == "content-type" and (content_type := _TYPE.fullmatch(short)):
            # Accept what all mail programs do: a comment, a missing semicolon, a boundary with a = in it.
            parameters = _BOUNDARY.sub(r'\1"\2"', content_type[2])
            short = f"{content_type[1]}; {parameters}" if parameters.strip() else content_type[1]
        try:
            return super().header_fetch_parse(name, short)
        except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
            return _CONTROL.sub(" ", short)


_POLICY: Final = _Bounded()


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """What could be read of a message.

    Attributes:
        message_id: in angle brackets, if it is well formed.
        sender: From; all of them, if there are several.
        automatic: why it is from a machine, as a code of `bmt.contracts.faults`; empty for a person's message.
        is_answer: it states that it answers or forwards another message.
        attachments: all parts but the message's own texts, and the files within those.
        unreadable: why a person must read it in any case, as such codes.
        closed: other unreadable parts, as such codes; they matter if the rest has no form.
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
            files, text = opened(part)
            self.attachments.extend(files)
            self._inside.append(text)
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
    declared = str(part.get("content-transfer-encoding", "")).strip().lower()
    meant = _ENCODING.match(declared)
    if meant and meant[0] != declared:
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
