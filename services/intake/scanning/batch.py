"""Where a batch of scanned pages is taken apart: wherever a page bears one of our codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from bmt.contracts.faults import FaultValue
from bmt.contracts.problems import FieldError
from services.intake.paper_codes import CoverCode, PaperCode

# Why a scan cannot be read, for whoever scanned it.

MOST_PAGES: Final = 500
MOST_PIXELS: Final = 100_000_000
"""Of one page: A3 at 600 dpi has 70 million."""
LONGEST_SIDE_POINTS: Final = 3400.0
"""A0 is 3370 points long (ISO 216; 72 points an inch)."""


class Unreadable(Exception):  # noqa: N818  named for what is so
    """The scan is not taken in.

    Attributes:
        fault: what is wrong, and what to do.
    """

    def __init__(self, code: str, **values: FaultValue) -> None:
        """Takes a code of `bmt.contracts.faults` and its values."""
        self.fault = FieldError.of("", code, **values)
        super().__init__(self.fault.detail)


@dataclass(frozen=True, slots=True)
class Part:
    """One paper of a batch.

    Attributes:
        pages: their numbers in the batch, from 1; without the cover sheet.
        codes: what the cover sheet and the first page say.
    """

    pages: tuple[int, ...]
    codes: tuple[PaperCode, ...]


def parts_of(codes: Sequence[PaperCode | None]) -> tuple[Part, ...]:
    """The papers of a batch whose pages bear these codes; none where all pages are cover sheets.

    A form or a paper of ours right behind a cover sheet is the paper that the sheet is for.
    """
    parts: list[Part] = []
    pages: list[int] = []
    told: list[PaperCode] = []
    for number, code in enumerate(codes, start=1):
        if code is not None and pages:
            parts.append(Part(tuple(pages), tuple(told)))
            pages, told = [], []
        if isinstance(code, CoverCode):
            told = [code]
            continue
        if code is not None:
            told.append(code)
        pages.append(number)
    if pages:
        parts.append(Part(tuple(pages), tuple(told)))
    return tuple(parts)


# What the process that reads a scan says, and the service hears: without a library that opens files.


class ReadScan(BaseModel):
    """What was found in a scan.

    Attributes:
        fault: why it is not taken in; None when it is.
        page_count: of the whole.
        parts: its papers, in order.
        files: each paper's file; that of a scan which is one paper as it came is the scan itself.
    """

    fault: FieldError | None = None
    page_count: int = 0
    parts: tuple[Part, ...] = ()
    files: tuple[Path, ...] = ()
