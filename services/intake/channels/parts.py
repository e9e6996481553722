"""What a part of a message holds: files in a text, a message within, a signed message, the files of a winmail.dat."""

import binascii
import mimetypes
import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import EmailMessage
from itertools import count
from typing import Any, Final

from asn1crypto import cms, pem
from tnefparse import TNEF

_MESSAGES: Final = ("message/rfc822", "message/global", "message/news")
_WRITTEN: Final = (
    "message/delivery-status",
    "message/global-delivery-status",
    "message/disposition-notification",
    "text/rfc822-headers",
)
"""Parts of mail systems' reports, which are read as text."""
_ENCODED: Final = ("base64", "quoted-printable")
_TNEF: Final = ("application/ms-tnef", "application/vnd.ms-tnef")
_TNEF_NAME: Final = "winmail.dat"
_TNEF_BEGINS: Final = b"\x78\x9f\x3e\x22"
_MOST_TNEF_ATTRIBUTES: Final = 2_000
_TNEF_HEADER: Final = struct.Struct("<BII")
_TNEF_KEY_ENDS: Final = 6
_DEEPEST_TNEF: Final = 4
_PASTED: Final = re.compile(
    rb"data:([a-z]{1,20}/[\w.+-]{1,60})(?:;[\w=.-]{1,40}){0,3};base64,([A-Za-z0-9+/=\s]{1,})",
    re.IGNORECASE,
)
_UNQUOTED_NAME: Final = re.compile(r"\bfilename=(?!\")([^\";\r\n]{1,300})", re.IGNORECASE)
_UU_BEGIN: Final = re.compile(rb"begin [0-7]{3,4} ([^\r\n]{1,200})")
_UU_DATA: Final = re.compile(rb"[\x20-\x60]{0,100}")
_LONGEST_LINE: Final = 45
"""The most bytes of a uuencoded line."""


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment as the message declares it; none of this is trusted."""

    filename: str
    declared_type: str
    content: bytes
    charset: str | None = None


def content_of(part: Any) -> bytes:
    """The part's content, without its own header; an enclosed message includes its header."""
    if part.is_multipart():
        return b"\n".join(bytes(each) for each in part.get_payload())
    return part.get_payload(decode=True) or b""


def opened(part: Any) -> tuple[Sequence[Part], str]:
    """The files in a part, and the message's own text in a winmail.dat.

    A part that cannot be opened is a file itself.
    """
    kind = part.get_content_type()
    name = _filename(part)
    if kind in _MESSAGES:
        return [Part(name, "message/rfc822", _message_within(part))], ""
    content = content_of(part)
    if kind in _WRITTEN:
        return [Part(name, "text/plain", content)], ""
    whole = Part(name, kind, content, part.get_content_charset())
    if kind in _TNEF or name.lower() == _TNEF_NAME:
        return _of_tnef(whole) or ([whole], "")
    return [whole], ""


def _filename(part: Any) -> str:
    """The standard library's name, completed if a program left out the quotes around blanks."""
    name = str(part.get_filename() or "")
    raw = (value for header, value in part.raw_items() if header.lower() == "content-disposition")
    bare = _UNQUOTED_NAME.search(str(next(raw, "")))
    if bare is None:
        return name
    with suppress(LookupError, ValueError):
        whole = str(make_header(decode_header(bare[1].strip())))
        return whole if whole.startswith(name) else name
    return name


def _message_within(part: Any) -> bytes:
    """The bytes of an enclosed message; mail programs encode them although RFC 2046 forbids it."""
    if not part.is_multipart():
        return bytes(part.get_payload(decode=True) or b"")
    content: bytes = part.get_payload(0).as_bytes()
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in _ENCODED or b":" in content.partition(b"\n")[0]:
        return content
    try:
        decode = binascii.a2b_base64 if encoding == "base64" else binascii.a2b_qp
        return decode(content)
    except binascii.Error:
        return content


def taken_out(content: bytes, *, html: bool) -> tuple[bytes, tuple[Part, ...]]:
    """A text without its enclosed files, and those: pasted pictures in HTML, otherwise uuencoded files."""
    found: list[Part] = []
    numbers = count(1)

    def pasted(match: re.Match[bytes]) -> bytes:
        kind = match[1].decode("ascii").lower()
        try:
            picture = binascii.a2b_base64(match[2])
        except binascii.Error:
            return match[0]
        found.append(
            Part(f"pasted-{next(numbers)}{mimetypes.guess_extension(kind) or ''}", kind, picture)
        )
        return b""

    if html:
        return _PASTED.sub(pasted, content), tuple(found)
    return _without_uuencoded(content)


def _without_uuencoded(content: bytes) -> tuple[bytes, tuple[Part, ...]]:
    """Line by line: a regular expression would search an end for each beginning."""
    kept: list[bytes] = []
    found: list[Part] = []
    name, begun, data = "", -1, list[bytes]()
    for line in content.splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        if begins := _UU_BEGIN.fullmatch(text):
            name, begun, data = begins[1].decode("utf-8", "replace").strip(), len(kept), []
        elif begun >= 0 and text.rstrip(b" \t") == b"end":
            first, begun = begun, -1
            with suppress(binascii.Error):
                found.append(_named(name, b"".join(map(_uu_line, data))))
                del kept[first:]
                continue
        elif begun >= 0 and _UU_DATA.fullmatch(text.rstrip(b"\t")):
            data.append(text)
        else:
            begun = -1
        kept.append(line)
    return b"".join(kept), tuple(found)


def _named(name: str, content: bytes) -> Part:
    """A file whose type only its name tells."""
    return Part(name, mimetypes.guess_type(name)[0] or "", content)


def _uu_line(line: bytes) -> bytes:
    """The bytes of a line; wrong counts of encoders are tolerated."""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        length = (line[0] - 32) & 63
        if not 0 < length <= _LONGEST_LINE:
            raise
        return binascii.a2b_uu(line[: (length * 4 + 5) // 3])


def _of_tnef(whole: Part) -> tuple[Sequence[Part], str] | None:
    """The files of a winmail.dat (MS-OXTNEF), and itself if it is truncated; None: it cannot be opened."""
    content = whole.content
    end = _end_of_tnef(content) if content.startswith(_TNEF_BEGINS) else 0
    if not end:
        return None
    try:
        tnef = TNEF(content, do_checksum=False)
        files = (*_files(tnef, _DEEPEST_TNEF), *([whole] if end != len(content) else []))
        return files, _body(tnef)
    except Exception:  # noqa: BLE001  the library's parser fails in many ways
        return None


def _end_of_tnef(content: bytes) -> int:
    """The end of its last attribute, or 0 if there are too many: the library copies the rest of the file for each."""
    place = _TNEF_KEY_ENDS
    for _ in range(_MOST_TNEF_ATTRIBUTES):
        if place + _TNEF_HEADER.size > len(content):
            return place
        _, _, length = _TNEF_HEADER.unpack_from(content, place)
        place += _TNEF_HEADER.size + length + 2
    return 0


def _files(tnef: Any, depth: int) -> list[Part]:
    files: list[Part] = []
    for attachment in tnef.attachments:
        embedded = getattr(attachment, "embed", None)
        if embedded is not None and depth:
            text = _body(embedded)
            name = _name(attachment) or "message"
            files += [Part(f"{name}.txt", "text/plain", text.encode())] if text else []
            files += _files(embedded, depth - 1)
        else:
            data = attachment.data
            files.append(_named(_name(attachment), data if isinstance(data, bytes) else b""))
    return files


def _name(attachment: Any) -> str:
    """The long name, otherwise the DOS name."""
    for read_name in (attachment.long_filename, lambda: attachment._name):  # noqa: SLF001  as bytes
        try:
            name = read_name()
        except (UnicodeDecodeError, AttributeError):
            continue
        if name:
            return name.strip("\0") if isinstance(name, str) else _decoded(name.strip(b"\0"))
    return ""


def _body(tnef: Any) -> str:
    body = tnef.body
    return body.strip("\0") if isinstance(body, str) else _decoded((body or b"").strip(b"\0"))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


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
        cms_content = cms.ContentInfo.load(raw[:_LARGEST])
        kind = cms_content["content_type"].native
        if kind in _ENCRYPTED:
            raise Closed("encrypted")
        content = (
            cms_content["content"]["encap_content_info"]["content"].native
            if kind == _SIGNED
            else None
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Closed("signed_unopened") from None
    if not isinstance(content, bytes):
        raise Closed("signed_unopened")
    return content
