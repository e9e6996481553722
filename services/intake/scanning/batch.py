"""Where a batch of scanned pages is taken apart: wherever a page bears one of our codes."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.paper_codes import CoverCode, PaperCode


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
