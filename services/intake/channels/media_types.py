"""The kind of a document, recognised by its content alone, its name (RFC 6266), and the attachments that are kept.

Only these kinds are accepted. None of them can run in a browser or on a desktop: no HTML, script or macro.
The first bytes are from each format's specification.
"""

import codecs
import io
import re
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import IO, Final
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from bmt.contracts.problems import FieldError
from bmt.contracts.values import Name, NotShown, NotShownReason
from services.intake.channels.parts import Part
from services.intake.domain.errors import FieldWrong

PDF: Final = "application/pdf"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
TEXT: Final = "text/plain"
CSV: Final = "text/csv"
EMAIL: Final = "message/rfc822"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT: Final = "application/vnd.oasis.opendocument.text"

ENDINGS: Final = {
    PDF: ".pdf",
    PNG: ".png",
    JPEG: ".jpg",
    TIFF: ".tif",
    TEXT: ".txt",
    CSV: ".csv",
    EMAIL: ".eml",
    DOCX: ".docx",
    XLSX: ".xlsx",
    ODT: ".odt",
}
"""The accepted kinds, with the ending of their files."""

ALLOWED: Final = tuple(ENDINGS)

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
_PDF_BEGINS: Final = b"%PDF-"
_FURTHEST_PDF: Final = 1024
_BLANK: Final = b" \t\r\n\f\x00"
_ZIP: Final = b"PK\x03\x04"
_MAIN_PART: Final = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX}
_SCRIPT_FOLDERS: Final = ("basic/", "scripts/")
_MOST_PARTS: Final = 10_000
_HEAD_BYTES: Final = 64 * 1024
_MARKUP: Final = tuple(b"<!doctype <html <head <body <script <svg <?xml <?php".split())
_SCRIPT: Final = b"#!"
_CONTROL: Final = bytes(set(range(32)) - {9, 10, 12, 13}) + b"\x7f"
_BOM: Final = b"\xef\xbb\xbf"
_TELLTALE_HEADERS: Final = ("from", "to", "date", "subject", "message-id", "received")
_CHUNK_BYTES: Final = 1024 * 1024

Content = IO[bytes]


def recognise(content: Content, declared: str) -> str | None:
    """The kind of `content`; None if it is not accepted.

    `declared` only distinguishes a message and a table from other text. The content is left at its start. The largest takes a
    second: do not run it in the event loop.
    """
    content.seek(0)
    head = content.read(_HEAD_BYTES)
    # Scanners and web forms write blank lines before it; every reader opens it (ISO 32000-1, H.3.4.1).
    if head[:_FURTHEST_PDF].removeprefix(_BOM).lstrip(_BLANK).startswith(_PDF_BEGINS):
        content.seek(0)
        return PDF
    try:
        if found := next((kind for magic, kind in _MAGIC if head.startswith(magic)), None):
            return found
        return _office(content) if head.startswith(_ZIP) else _written(content, head, declared)
    finally:
        content.seek(0)


def _office(content: Content) -> str | None:
    """OOXML (ECMA-376 part 2) or OpenDocument (part 2, 3.3), without macros."""
    try:
        with zipfile.ZipFile(content) as package:
            names = package.namelist()
            if len(names) > _MOST_PARTS or has_macros(names):
                return None
            if names[0] == "mimetype":
                first = package.infolist()[0]
                said = package.read(first) if first.file_size == len(ODT) else b""
                return ODT if said == ODT.encode() else None
            is_ooxml = "[Content_Types].xml" in names
            return next(
                (kind for part, kind in _MAIN_PART.items() if is_ooxml and part in names), None
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, IndexError):
        return None


def has_macros(names: list[str]) -> bool:
    """Whether one of an office document's parts is a macro, or an active control."""
    lower = [name.lower() for name in names]
    return any(
        name.endswith("vbaproject.bin") or "activex" in name or name.startswith(_SCRIPT_FOLDERS)
        for name in lower
    )


def _written(content: Content, head: bytes, declared: str) -> str | None:
    if is_markup(head):
        return None
    if declared == EMAIL:
        return EMAIL if _has_header(head) else None
    kind = CSV if declared == CSV else TEXT
    return kind if is_text(content) else None


def is_markup(head: bytes) -> bool:
    """Whether it begins as a page or a script that a browser or a server would run."""
    return (
        head.removeprefix(_BOM)[:_HEAD_BYTES].lstrip()[:64].lower().startswith((*_MARKUP, _SCRIPT))
    )


def _has_header(head: bytes) -> bool:
    """Whether it begins with header fields of a message (RFC 5322, 2.2)."""
    if head[:1] in (b" ", b"\t", b"\r", b"\n", b""):
        return False
    try:
        names = {name.lower() for name in BytesHeaderParser().parsebytes(head)}
    except (ValueError, LookupError, RecursionError):
        return False
    return bool(names & set(_TELLTALE_HEADERS))


def is_text(content: Content) -> bool:
    """Whether it is UTF-8 without control characters."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    content.seek(0)
    try:
        while chunk := content.read(_CHUNK_BYTES):
            decoder.decode(chunk)
            if chunk.translate(None, _CONTROL) != chunk:
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_EXTENDED: Final = re.compile(
    r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE
)
_PLAIN: Final = re.compile(r';\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]+))', re.IGNORECASE)
"""Without quotes, programs write names with spaces, too."""
_ENCODED_WORDS: Final = re.compile(
    r"(?:=\?[\w-]{1,40}\?[bq]\?[!->@-~]{0,200}\?=\s?){1,9}", re.IGNORECASE
)
_NAME: Final = TypeAdapter[str](Name)
POINTER: Final = "/header/content-disposition"


class FilenameWrong(FieldWrong):
    """The file's name is not acceptable."""

    def __init__(self) -> None:
        super().__init__(FieldError.of(POINTER, "filename_wrong"))


def filename_of(disposition: str | None, otherwise: str) -> str:
    """The name in a Content-Disposition header, without folders, or `otherwise`.

    `filename*` precedes `filename` (RFC 6266, 4.3).

    Raises:
        FilenameWrong: the name is not acceptable.
    """
    if not disposition:
        return otherwise
    try:
        named = _said(";" + disposition)
    except (UnicodeDecodeError, LookupError):
        raise FilenameWrong from None
    return otherwise if named is None else checked(named)


def checked(name: str) -> str:
    """The last part of a path.

    Raises:
        FilenameWrong: the name is not acceptable.
    """
    last = re.split(r"[/\\]", name)[-1].strip()
    try:
        _NAME.validate_python(last)
    except ValidationError:
        raise FilenameWrong from None
    if last in (".", ".."):
        raise FilenameWrong
    return last


def _said(disposition: str) -> str | None:
    if extended := _EXTENDED.search(disposition):
        charset, encoded = extended.groups()
        return unquote(encoded, encoding=charset, errors="strict")
    if plain := _PLAIN.search(disposition):
        quoted, token = plain.groups()
        return _decoded(token.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return None


def _decoded(text: str) -> str:
    """Header bytes arrive as latin-1, and browsers send UTF-8, mail programs encoded words (RFC 2047)."""
    if _ENCODED_WORDS.fullmatch(text):
        with suppress(LookupError, ValueError):
            return str(make_header(decode_header(text)))
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


MOST_ATTACHMENTS: Final = 50


BYTES: Final = "application/octet-stream"

_ZIP_BEGINS: Final = b"PK"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_KINDS: Final = {
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".msg": "application/vnd.ms-outlook",
}
_ZIP_KINDS: Final = {
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
}
_EVIDENCE_MAGIC: Final = (
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"{\\rtf", "application/rtf"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b", "application/gzip"),
)
_BRANDS: Final = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"msf1": "image/heic",
    b"hevc": "image/heic", b"avif": "image/avif", b"qt  ": "video/quicktime",
}  # fmt: skip
"""ISO base media files (ISO/IEC 14496-12): the brand follows `ftyp`."""
_WRITTEN: Final = ("text/calendar", "text/csv", "text/vcard")
_PROGRAMS: Final = (
    b"MZ",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"L\x00\x00\x00\x01\x14\x02\x00",
)
"""Windows, Linux, Java, macOS, Windows shortcuts."""
_RUN: Final = frozenset((
    ".apk", ".app", ".bat", ".chm", ".cmd", ".com", ".cpl", ".dll", ".dmg", ".docm", ".dotm",
    ".exe", ".hta", ".htm", ".html", ".inf", ".iso", ".jar", ".jnlp", ".js", ".jse", ".lnk",
    ".mht", ".mhtml", ".msc", ".msi", ".msix", ".one", ".pif", ".potm", ".ppam", ".ppsm",
    ".pptm", ".ps1", ".psm1", ".py", ".reg", ".scf", ".scr", ".sct", ".sh", ".shtml", ".svg",
    ".svgz", ".url", ".vb", ".vbe", ".vbs", ".vhd", ".vhdx", ".wsc", ".wsf", ".wsh", ".xht",
    ".xhtml", ".xlam", ".xll", ".xlsm", ".xltm",
))  # fmt: skip


def evidence(part: Part) -> str | None:
    """The media type of an attachment that is kept as evidence; None if a machine would run it."""
    content, ending = part.content, _ending(part.filename)
    if content.startswith(_PROGRAMS) or is_markup(content) or ending in _RUN:
        return None
    if content.startswith(_ZIP_BEGINS):
        return None if _runs_inside(content) else _ZIP_KINDS.get(ending, "application/zip")
    if part.declared_type in _WRITTEN and is_text(io.BytesIO(content)):
        return part.declared_type
    return _kind(content, ending)


def _kind(content: bytes, ending: str) -> str:
    if content.startswith(_OLE):
        return _OLE_KINDS.get(ending, BYTES)
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _EVIDENCE_MAGIC if content.startswith(magic)), BYTES)


def _ending(filename: str) -> str:
    """The last ending, without invisible characters."""
    visible = "".join(character for character in filename if character.isprintable()).strip(" .")
    _, dot, last = visible.rpartition(".")
    return f".{last.lower()}" if dot else ""


def _runs_inside(content: bytes) -> bool:
    """Whether it is an office document with macros, or a Java program; other archives do not run."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
        return False
    return "META-INF/MANIFEST.MF" in names or has_macros(names)


_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u180e]+"
)
_LONGEST_NAME: Final = 180


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment that is kept as a document."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Attachments:
    """The attachments of a message: kept as documents, and by name those that are left out or evidence alone."""

    kept: tuple[Attachment, ...] = ()
    not_shown: tuple[NotShown, ...] = ()


def accounted(parts: Sequence[Part]) -> Attachments:
    """The attachments among these parts; a part with neither name nor content is none."""
    kept: list[Attachment] = []
    not_shown: list[NotShown] = []
    for number, part in enumerate(parts, start=1):
        if not part.content:
            if part.filename:
                not_shown.append(_without(part, number, "empty"))
            continue
        if len(kept) == MOST_ATTACHMENTS:
            not_shown.append(_without(part, number, "too_many"))
        elif (shown := _shown(part)) is not None:
            kept.append(Attachment(_name(part, number, ENDINGS[shown]), shown, part.content))
        elif (kind := evidence(part)) is not None:
            not_shown.append(_without(part, number, "cannot_be_shown"))
            kept.append(Attachment(_name(part, number, ""), kind, part.content))
        else:
            not_shown.append(_without(part, number, "would_run"))
    return Attachments(tuple(kept), tuple(not_shown[: 4 * MOST_ATTACHMENTS]))


def _shown(part: Part) -> str | None:
    """Its kind if it can be shown; a kind with a signature in its first bytes needs no declared type."""
    declared = part.declared_type if part.declared_type in ALLOWED else ""
    kind = recognise(io.BytesIO(part.content), declared)
    return None if kind == CSV or (kind in (TEXT, EMAIL) and kind != declared) else kind


def _without(part: Part, number: int, reason: NotShownReason) -> NotShown:
    return NotShown(filename=_name(part, number, ""), reason=reason)


def _name(part: Part, number: int, ending: str) -> str:
    """A name that can be shown and stored, with the kind's ending if it had to be changed."""
    try:
        return checked(part.filename)
    except FilenameWrong:
        pass
    try:
        seen = re.split(r"[/\\]", _UNSAFE.sub("", part.filename))[-1]
        short = checked(seen if len(seen) <= _LONGEST_NAME else f"{seen[:_LONGEST_NAME]}…")
        return short if short.lower().endswith(ending) else short + ending
    except FilenameWrong:
        return f"attachment-{number}{ending}"
