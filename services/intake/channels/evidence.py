"""What is kept of attachments though it cannot be shown: evidence, of kinds that no browser or desktop runs.

Kinds are told by their first bytes, as of each format's own specification, then by name; what is none of
these, and nothing that runs, is bytes.
"""

import io
import zipfile
from typing import Final

from services.intake.channels.enclosed import Part
from services.intake.channels.media_types import has_macros, is_markup, is_text

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
_RUN: Final = frozenset(
    f".{ending}"
    for ending in (
        *(
            "apk",
            "app",
            "bat",
            "chm",
            "cmd",
            "com",
            "cpl",
            "dll",
            "dmg",
            "docm",
            "dotm",
            "exe",
            "hta",
        ),
        *(
            "htm",
            "html",
            "inf",
            "iso",
            "jar",
            "jnlp",
            "js",
            "jse",
            "lnk",
            "mht",
            "mhtml",
            "msc",
            "msi",
        ),
        *(
            "msix",
            "one",
            "pif",
            "potm",
            "ppam",
            "ppsm",
            "pptm",
            "ps1",
            "psm1",
            "py",
            "reg",
            "scf",
            "scr",
        ),
        *(
            "sct",
            "sh",
            "shtml",
            "svg",
            "svgz",
            "url",
            "vb",
            "vbe",
            "vbs",
            "vhd",
            "vhdx",
            "wsc",
            "wsf",
        ),
        *("wsh", "xht", "xhtml", "xlam", "xll", "xlsm", "xltm"),
    )
)


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
