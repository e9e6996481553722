"""Starts who reads a scan, and ends them when they take too long."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bmt.contracts.problems import FieldError, Refused
from services.intake.scanning.found import ReadScan

LONGEST_SECONDS: Final = 240.0


class ScanWrong(Refused):
    """The scan cannot be taken apart."""

    def __init__(self, wrong: FieldError) -> None:
        """Says what is wrong with it, and what to do."""
        super().__init__(wrong.detail, errors=(wrong,))


async def read_scan(scan: Path, media_type: str, folder: Path) -> ReadScan:
    """What is in the scan; its papers lie in `folder` then.

    Raises:
        ScanWrong: it is broken, locked, empty, too large, or takes too long to read.
    """
    reader = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.intake.scanning.reading",
        str(scan),
        media_type,
        str(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            said, _ = await reader.communicate()
    except TimeoutError:
        raise ScanWrong(FieldError.of("", "scan_too_slow")) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            reader.kill()
        await reader.wait()
    return _found(said)


def _found(said: bytes) -> ReadScan:
    """A reader that died of the scan has said nothing."""
    try:
        found = ReadScan.model_validate_json(said)
    except ValidationError:
        raise ScanWrong(FieldError.of("", "scan_broken")) from None
    if found.fault:
        raise ScanWrong(found.fault)
    return found
