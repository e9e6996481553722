"""Names of uploaded documents: Content-Disposition (RFC 6266)."""

import re
from typing import Final
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Name

_EXTENDED: Final = re.compile(
    r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE
)
_PLAIN: Final = re.compile(r';\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', re.IGNORECASE)
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
        return _as_utf8(token if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return None


def _as_utf8(text: str) -> str:
    """Header bytes arrive as latin-1, and browsers send UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
