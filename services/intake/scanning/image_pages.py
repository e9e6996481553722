"""Scanned images as PDF pages: JPEG is laid in as it is, the rest deflated, each pixel as it looks."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageSequence, UnidentifiedImageError
from pypdf import PdfWriter
from pypdf.generic import (
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
)

from services.intake.scanning.faults import MOST_PAGES, MOST_PIXELS, Unreadable

_USUAL_DPI: Final = 200.0
_LEAST_DPI: Final = 50.0
_POINTS_AN_INCH: Final = 72.0
_PHOTOGRAPHS: Final = ("JPEG", "MPO")
"""What a camera adds behind the first picture (a preview, a gain map) is no page."""
_ORIENTATION: Final = 0x0112
_TURNED: Final = {3: 180, 6: 90, 8: 270}
"""EXIF's orientation → degrees clockwise."""
_SPACES: Final = {"1": "/DeviceGray", "L": "/DeviceGray", "RGB": "/DeviceRGB"}


def as_pdf(image: Path, pdf: Path) -> None:
    """Write the pages of `image` (TIFF, JPEG or PNG) into `pdf`.

    Raises:
        Unreadable: it is broken, or too large.
    """
    Image.MAX_IMAGE_PIXELS = None  # measured below, before anything is decoded
    try:
        with Image.open(image) as opened:
            writer = PdfWriter()
            photograph = opened.format in _PHOTOGRAPHS
            for number, frame in enumerate(_frames(opened), start=1):
                _add_page(writer, frame, image if photograph else None, number)
                if photograph:
                    break
            writer.write(pdf)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable("scan_broken") from error


def _frames(opened: Image.Image) -> Iterator[Image.Image]:
    for number, frame in enumerate(ImageSequence.Iterator(opened), start=1):
        if number > MOST_PAGES:
            raise Unreadable("scan_too_many_pages", maximum=MOST_PAGES)
        if frame.width * frame.height > MOST_PIXELS:
            raise Unreadable("scan_page_too_fine", page=number, maximum=MOST_PIXELS)
        yield frame


def _add_page(writer: PdfWriter, frame: Image.Image, jpeg: Path | None, number: int) -> None:
    dpi = float(frame.info.get("dpi", (_USUAL_DPI, 0))[0])
    points = _POINTS_AN_INCH / (dpi if dpi >= _LEAST_DPI else _USUAL_DPI)
    width, height = frame.width * points, frame.height * points
    page = writer.add_blank_page(width, height)
    if turned := _TURNED.get(frame.getexif().get(_ORIENTATION, 1)):
        page.rotate(turned)
    drawn = writer._add_object(_drawn(frame, jpeg))  # noqa: SLF001  pypdf has no other door
    names = DictionaryObject({NameObject(f"/Scan{number}"): drawn})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): names})
    content = DecodedStreamObject()
    content.set_data(f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Scan{number} Do Q".encode())
    page[NameObject("/Contents")] = writer._add_object(content)  # noqa: SLF001  as above


def _drawn(frame: Image.Image, jpeg: Path | None) -> StreamObject:
    """The image as an object of the PDF (ISO 32000-1, 8.9.5)."""
    laid_in = jpeg is not None and frame.mode in ("L", "RGB")
    frame.load()
    shown = frame if frame.mode in _SPACES else _in_colours(frame)
    image = StreamObject()
    image.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(shown.width),
            NameObject("/Height"): NumberObject(shown.height),
            NameObject("/ColorSpace"): NameObject(_SPACES[shown.mode]),
            NameObject("/BitsPerComponent"): NumberObject(1 if shown.mode == "1" else 8),
            NameObject("/Filter"): NameObject("/DCTDecode" if laid_in else "/FlateDecode"),
        }
    )
    image._data = jpeg.read_bytes() if laid_in and jpeg else zlib.compress(shown.tobytes())  # noqa: SLF001
    return image


def _in_colours(frame: Image.Image) -> Image.Image:
    """A mode that a PDF knows: what is transparent is white, as paper is; of 16 bits of grey the upper eight."""
    if frame.mode.startswith("I"):
        return frame.convert("I").point(lambda value: value / 256).convert("L")
    if frame.has_transparency_data:
        drawn = frame.convert("RGBA")
        paper = Image.new("RGBA", drawn.size, "white")
        paper.alpha_composite(drawn)
        return paper.convert("RGB")
    return frame.convert("RGB")
