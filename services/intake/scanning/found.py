"""What the process that reads a scan says, and the service hears: without a library that opens files."""

from pathlib import Path

from pydantic import BaseModel

from bmt.contracts.problems import FieldError
from services.intake.scanning.batch import Part


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
