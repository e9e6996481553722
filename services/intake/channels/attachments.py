"""Every attachment of a message, accounted for by name: kept as a document, or left out with the reason.

Kept are the kinds that are shown, and as evidence those that cannot be shown and that nothing runs.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bmt.contracts.values import NotShown, NotShownReason
from services.intake.channels.enclosed import Part
from services.intake.channels.filename import FilenameWrong, checked
from services.intake.channels.media_types import (
    ALLOWED,
    EMAIL,
    ENDINGS,
    TEXT,
    has_macros,
    is_markup,
    is_text,
    recognise,
)
from services.intake.channels.message import MOST_ATTACHMENTS

# What is kept of attachments though it cannot be shown: evidence, of kinds that no browser or desktop runs.
#
# Kinds are told by their first bytes, as of each format's own specification, then by name; what is none of
# these, and nothing that runs, is bytes.

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
"""ISO base media files (ISO/IEC 14496-12): the brand stands behind `ftyp`."""
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
    """The media type that it is kept under; None where a machine would run it."""
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
    """The last one, whatever invisible characters stand around it."""
    visible = "".join(character for character in filename if character.isprintable()).strip(" .")
    _, dot, last = visible.rpartition(".")
    return f".{last.lower()}" if dot else ""


def _runs_inside(content: bytes) -> bool:
    """Whether it is an office document with macros, or a program in Java; archives of files are none."""
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
    """What became of a message's attachments.

    Attributes:
        kept: those that are documents of their own.
        not_shown: those that nobody is shown, by name: left out, or kept as evidence alone.
    """

    kept: tuple[Attachment, ...] = ()
    not_shown: tuple[NotShown, ...] = ()


def accounted(parts: Sequence[Part]) -> Attachments:
    """Each of these, once; what has neither name nor content is none."""
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
    """Its kind, where that is shown; a kind told by its first bytes needs no label."""
    told = part.declared_type if part.declared_type in ALLOWED else ""
    kind = recognise(io.BytesIO(part.content), told)
    return None if kind in (TEXT, EMAIL) and kind != told else kind


def _without(part: Part, number: int, reason: NotShownReason) -> NotShown:
    return NotShown(filename=_name(part, number, ""), reason=reason)


def _name(part: Part, number: int, ending: str) -> str:
    """Its name, as it can be shown and stored; with its kind's ending where it had to be changed."""
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
