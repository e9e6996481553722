"""Attachments of a message: each is kept as a document, or listed by name with the reason why not.

Kinds that are shown are kept, and as evidence those that cannot be shown and that nothing runs. A kind is
recognised by its first bytes (each format's specification), then by name; all others are plain bytes.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bmt.contracts.values import NotShown, NotShownReason
from services.intake.channels.enclosed import Part
from services.intake.channels.media_types import (
    ALLOWED,
    EMAIL,
    ENDINGS,
    TEXT,
    FilenameWrong,
    checked,
    has_macros,
    is_markup,
    is_text,
    recognise,
)
from services.intake.channels.message import MOST_ATTACHMENTS

BYTES: Final = "application/octet-stream"

_ZIP: Final = b"PK"
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
_MAGIC: Final = (
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
    if content.startswith(_ZIP):
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
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), BYTES)


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
    """The attachments of a message.

    Attributes:
        kept: those that are documents of their own.
        not_shown: those that were left out, or are kept as evidence alone, by name.
    """

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
    told = part.declared_type if part.declared_type in ALLOWED else ""
    kind = recognise(io.BytesIO(part.content), told)
    return None if kind in (TEXT, EMAIL) and kind != told else kind


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
