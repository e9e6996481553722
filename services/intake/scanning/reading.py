"""Reads one scan: `python -m services.intake.scanning.reading SCAN MEDIA_TYPE FOLDER`.

What people scan may be hostile, so this is a process of its own, without secrets, bounded in memory and
time. It writes each paper into FOLDER and says on its output what it found, as JSON.
"""

import resource
import sys
from pathlib import Path
from typing import Final

import pypdf
from pypdf.errors import PyPdfError

from services.intake.scanning.batch import Part, parts_of
from services.intake.scanning.faults import Unreadable
from services.intake.scanning.found import ReadScan
from services.intake.scanning.image_pages import as_pdf
from services.intake.scanning.own_images import with_own_images
from services.intake.scanning.page_codes import codes_of

PDF: Final = "application/pdf"
MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 300


def read(scan: Path, media_type: str, folder: Path) -> ReadScan:
    """The scan, taken apart.

    Raises:
        Unreadable: it is not taken in.
    """
    pdf = scan
    if media_type != PDF:
        pdf = folder / "whole.pdf"
        as_pdf(scan, pdf)
    codes = codes_of(pdf)
    parts = parts_of(codes)
    if not parts:
        raise Unreadable("scan_covers_alone")
    if len(parts) == 1 and len(parts[0].pages) == len(codes):
        files: tuple[Path, ...] = (pdf,)
    else:
        files = tuple(_split(pdf, parts, folder))
    return ReadScan(page_count=len(codes), parts=parts, files=files)


def _split(pdf: Path, parts: tuple[Part, ...], folder: Path) -> list[Path]:
    """Each paper's pages, copied as they are."""
    files = []
    try:
        source = pypdf.PdfReader(pdf)
        for number, part in enumerate(parts, start=1):
            writer = pypdf.PdfWriter()
            for page in part.pages:
                writer.add_page(
                    with_own_images(source.pages[page - 1]), excluded_keys=("/B", "/AA")
                )
            files.append(folder / f"{number}.pdf")
            writer.write(files[-1])
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("scan_broken") from error
    return files


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))


if __name__ == "__main__":
    _bounded()
    try:
        found = read(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except Unreadable as unreadable:
        found = ReadScan(fault=unreadable.fault)
    sys.stdout.write(found.model_dump_json())
