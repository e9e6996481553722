"""The codes on the pages of a PDF, found in a picture of each: grey, bounded, however it lies."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pypdfium2
import zxingcpp
from PIL import Image, ImageFilter

from services.intake.paper_codes import PaperCode, paper_code
from services.intake.scanning.faults import LONGEST_SIDE_POINTS, MOST_PAGES, Unreadable

_LONG_SIDE_PIXELS: Final = 2400
"""A4 at 205 dpi: a module of our smallest code is four pixels wide."""
_MOST_SCALE: Final = 4.0
_BLUR: Final = ImageFilter.BoxBlur(2)
"""Of noisy sheets it makes as many legible as a Gaussian of 1.5, in half the time."""
_QR_CODES: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def codes_of(pdf: Path) -> Sequence[PaperCode | None]:
    """For each page the code of ours that it bears.

    Raises:
        Unreadable: it is broken, locked, empty, too long, or a page is too large.
    """
    try:
        with pypdfium2.PdfDocument(pdf) as document:
            _require_length(len(document))
            document.init_forms()  # else what is typed into a form's fields is not drawn
            return [_code_on(_picture(document, number)) for number in range(len(document))]
    except pypdfium2.PdfiumError as error:
        raise Unreadable(_fault(error)) from error


def _fault(error: pypdfium2.PdfiumError) -> str:
    if "assword" in str(error):
        return "scan_locked"
    return "scan_broken"


def _require_length(pages: int) -> None:
    if not pages:
        raise Unreadable("scan_without_page")
    if pages > MOST_PAGES:
        raise Unreadable("scan_too_many_pages", maximum=MOST_PAGES)


def _picture(document: pypdfium2.PdfDocument, number: int) -> Image.Image:
    page = document[number]
    longest = max(page.get_size())
    if longest > LONGEST_SIDE_POINTS:
        raise Unreadable("scan_page_too_large", page=number + 1)
    scale = min(_LONG_SIDE_PIXELS / max(longest, 1.0), _MOST_SCALE)
    bitmap = page.render(scale=scale, grayscale=True)
    picture: Image.Image = bitmap.to_pil().convert("L")
    page.close()
    return picture


def _code_on(picture: Image.Image) -> PaperCode | None:
    """Noise that hides a code is blurred away for a second look."""
    for seen in _looks(picture):
        found = zxingcpp.read_barcodes(seen, formats=_QR_CODES)
        ours = (paper_code(one.text) for one in found)
        if (code := next((one for one in ours if one is not None), None)) is not None:
            return code
    return None


def _looks(picture: Image.Image) -> Iterator[Image.Image]:
    yield picture
    yield picture.filter(_BLUR)
