"""The QR codes on our papers, and how a batch of scanned pages is taken apart by them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from bmt.contracts.faults import FaultValue
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Kind, PaperChannel

EDITION: Final = "v1"
"""The edition of the printed form; scans of older editions stay readable."""

_LONGEST: Final = 500
_FORM: Final = re.compile(r"bmt:form:(application|termination):([A-Z][A-Z0-9-]{1,31}):v\d{1,3}")
_COVER: Final = re.compile(r"bmt:cover:(memo|letter):([A-Z][A-Z0-9-]{1,31}):v\d{1,3}")
_REQUEST: Final = re.compile(
    r"/requests/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
)


@dataclass(frozen=True, slots=True)
class FormCode:
    """The code on the first page of a blank form."""

    kind: Kind
    agency: str

    @property
    def text(self) -> str:
        return f"bmt:form:{self.kind}:{self.agency}:{EDITION}"


@dataclass(frozen=True, slots=True)
class CoverCode:
    """The code on the sheet before each memo or letter of a batch."""

    channel: PaperChannel
    agency: str

    @property
    def text(self) -> str:
        return f"bmt:cover:{self.channel}:{self.agency}:{EDITION}"


@dataclass(frozen=True, slots=True)
class RequestCode:
    """The code on a paper about a request: the address of its status."""

    request_id: str


PaperCode = FormCode | CoverCode | RequestCode


def paper_code(text: str) -> PaperCode | None:
    """Our code with this text; None for any other."""
    if len(text) > _LONGEST:
        return None
    if form := _FORM.fullmatch(text):
        return FormCode("application" if form[1] == "application" else "termination", form[2])
    if cover := _COVER.fullmatch(text):
        return CoverCode("memo" if cover[1] == "memo" else "letter", cover[2])
    return _request_code(text)


def _request_code(text: str) -> RequestCode | None:
    try:
        address = urlsplit(text)
    except ValueError:
        return None
    found = _REQUEST.search(address.path) if address.scheme in ("http", "https") else None
    return RequestCode(found[1]) if found and address.path.endswith(found[0]) else None


MOST_PAGES: Final = 500
MOST_PIXELS: Final = 100_000_000
"""A page of A3 at 600 dpi has 70 million."""
LONGEST_SIDE_POINTS: Final = 3400.0
"""A0 is 3370 points long (ISO 216; 72 points an inch)."""


class Unreadable(Exception):  # noqa: N818  named for what is so
    """The scan cannot be taken in; `fault` says what is wrong, and what to do."""

    def __init__(self, code: str, **values: FaultValue) -> None:
        self.fault = FieldError.of("", code, **values)
        super().__init__(self.fault.detail)


@dataclass(frozen=True, slots=True)
class Part:
    """One paper of a batch: its pages in it, from 1, without the cover sheet; and the codes of sheet and first page."""

    pages: tuple[int, ...]
    codes: tuple[PaperCode, ...]


def parts_of(codes: Sequence[PaperCode | None]) -> tuple[Part, ...]:
    """The papers of a batch whose pages bear these codes; empty if all pages are cover sheets.

    A form or a paper of ours right after a cover sheet belongs to that sheet.
    """
    parts: list[Part] = []
    pages: list[int] = []
    part_codes: list[PaperCode] = []
    for number, code in enumerate(codes, start=1):
        if code is not None and pages:
            parts.append(Part(tuple(pages), tuple(part_codes)))
            pages, part_codes = [], []
        if isinstance(code, CoverCode):
            part_codes = [code]
            continue
        if code is not None:
            part_codes.append(code)
        pages.append(number)
    if pages:
        parts.append(Part(tuple(pages), tuple(part_codes)))
    return tuple(parts)


class ReadScan(BaseModel):
    """What was found in a scan: its papers, in order, each with its file; or the fault that it is not taken in for.

    The file of one paper as it came is the scan itself.
    """

    fault: FieldError | None = None
    page_count: int = 0
    parts: tuple[Part, ...] = ()
    files: tuple[Path, ...] = ()
