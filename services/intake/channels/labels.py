"""Labelled lines, as people fill them in: `Jenis: permohonan`, in Malay, English or both.

A line that quotes (`>`) is somebody else's. The justification may go on over several lines, up to
the next label or the signature.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

LABELS: Final = {
    "kind": ("jenis", "kind"),
    "agency": ("agensi", "agency"),
    "name": ("nama", "name"),
    "account": ("akaun", "account"),
    "email": ("e-mel", "e-mail", "emel", "email"),
    "justification": ("justifikasi", "justification"),
    "quota_bytes": ("kuota", "quota"),
    "max_file_size_bytes": ("saiz fail", "file size"),
}
"""Each field with its labels; the contract names the first two of each."""

FREE_TEXT: Final = "justification"
MOST_CHARACTERS: Final = 1024 * 1024
"""A text that is longer is no form."""
_LONGEST_LINE: Final = 20_000
"""What stands behind is not read: no value of a request may be so long, so it is refused with its beginning alone."""

_FIELD_OF: Final = {label: field for field, labels in LABELS.items() for label in labels}
_LABEL: Final = "|".join(re.escape(label) for label in sorted(_FIELD_OF, key=len, reverse=True))
_LINE: Final = re.compile(
    rf"(?P<label>{_LABEL})\**(?:\s*/\s*\**(?P<other>{_LABEL})\**)?"
    r"\s*(?:[:=：]|\t)[\s:*]*(?P<value>.*)",
    re.IGNORECASE,
)
_BULLETS: Final = "-*•· \t"
_NUMBER: Final = re.compile(r"\d{1,2}[.)]\s*\**")
_SPACES: Final = re.compile(r"[^\S\n\t]+")
_SIGNATURE: Final = re.compile(r"--\s?|_{5,}+|-{5,}+.*")

Labelled = dict[str, set[str]]
"""Field → the different values that it was given."""


def labelled(texts: Iterable[str]) -> Labelled:
    """What the labelled lines of these texts say."""
    found: Labelled = {}
    for text in texts:
        for field, value in _fields(text[:MOST_CHARACTERS]):
            if value:
                found.setdefault(field, set()).add(value)
    return found


def _fields(text: str) -> Iterator[tuple[str, str]]:
    field, lines = "", list[str]()
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = _SPACES.sub(" ", raw)[:_LONGEST_LINE].rstrip()
        if line.lstrip().startswith(">"):
            continue
        if _SIGNATURE.fullmatch(line):
            break
        if (labelled_as := _label(line)) is not None:
            yield field, _value(field, lines)
            field, lines = labelled_as[0], [labelled_as[1]]
        else:
            lines.append(line)
    yield field, _value(field, lines)


def _label(line: str) -> tuple[str, str] | None:
    """The field that the line is labelled with, and its value."""
    bare = line.lstrip(_BULLETS)
    number = _NUMBER.match(bare)
    match = _LINE.fullmatch(bare, number.end() if number else 0)
    if match is None:
        return None
    field = _FIELD_OF[match["label"].lower()]
    if match["other"] and _FIELD_OF[match["other"].lower()] != field:
        return None
    return field, match["value"].strip(" \t")


def _value(field: str, lines: list[str]) -> str:
    """All lines of the justification; elsewhere the first that says something."""
    if not field:
        return ""
    if field == FREE_TEXT:
        return "\n".join(lines).strip()
    return next((line.strip(" \t*") for line in lines[:2] if line.strip()), "")
