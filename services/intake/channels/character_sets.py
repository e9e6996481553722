"""Decodes a text part, by its label or by a guess that is marked as one.

Labels mean what they mean in browsers and mail programs (WHATWG Encoding Standard, by `webencodings`):
`gb2312` is GB 18030, `iso-8859-1` is windows-1252. If a label is absent, unknown or plainly wrong, the bytes
decide as far as they can. A guess of `charset-normalizer` is shown to people, and never registered.
"""

import codecs
import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

import webencodings
from charset_normalizer import from_bytes

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
    """A decoded text.

    Attributes:
        text: `UNCLEAR` stands for bytes without a meaning.
        is_certain: False if the characters beyond ASCII were guessed.
    """

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
    if codec in (None, "utf-8", _WESTERN) and (text := _strictly(raw, "utf-8")):
        return text
    text = None if codec is None else _strictly(raw, codec)
    if text and not (codec == _WESTERN and _NOT_WESTERN.search(text.text)):
        return text
    return _guessed(raw)


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
    told = from_bytes(telling[:_LONGEST_GUESSED], cp_isolation=_CANDIDATES) if telling else None
    best = told.best() if told else None
    codec = best.encoding if best else _WESTERN
    return Decoded(_replacing(raw, codec).text, is_certain=False)
