"""Why a scan cannot be read, for whoever scanned it."""

from typing import Final

from bmt.contracts.faults import FaultValue
from bmt.contracts.problems import FieldError

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
