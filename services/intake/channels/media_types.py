"""The kind of a document, recognised by its content alone, and its name (Content-Disposition, RFC 6266).

Only these kinds are accepted. None of them can run in a browser or on a desktop: no HTML, script or macro.
The first bytes are from each format's specification.
"""

import codecs
import re
import zipfile
from contextlib import suppress
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import IO, Final
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Name

PDF: Final = "application/pdf"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
TEXT: Final = "text/plain"
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

    `declared` only distinguishes a message from other text. The content is left at its start. The largest takes a
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
    return TEXT if is_text(content) else None


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


class FilenameWrong(Refused):
    """The file's name is not acceptable."""

    def __init__(self) -> None:
        wrong = FieldError.of(POINTER, "filename_wrong")
        super().__init__(wrong.detail, errors=(wrong,))


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
