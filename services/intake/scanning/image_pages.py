"""Scanned images as PDF pages: JPEG is laid in as it is, the rest deflated, each pixel as it looks."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageSequence, TiffImagePlugin, UnidentifiedImageError
from pypdf import PdfWriter
from pypdf.generic import (
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
)

from bmt.press.picture import ColoursNotKnown, orientation_of, paper_points, upright
from services.intake.scanning.faults import MOST_PAGES, MOST_PIXELS, Unreadable

_KINDS: Final = ("TIFF", "JPEG", "PNG")
_PHOTOGRAPHS: Final = ("JPEG", "MPO")
"""What a camera adds behind the first picture (a preview, a gain map) is no page."""
_SUBFILE: Final = 254
_NO_PAGE: Final = 0b101
"""TIFF 6.0, NewSubfileType: a smaller copy of another image, or a mask of its transparency."""
_UPRIGHT: Final = 1
_SPACES: Final = {"1": "/DeviceGray", "L": "/DeviceGray", "RGB": "/DeviceRGB"}
_LAID: Final = {
    1: "{w} 0 0 {h} 0 0",
    2: "-{w} 0 0 {h} {w} 0",
    3: "-{w} 0 0 -{h} {w} {h}",
    4: "{w} 0 0 -{h} 0 {h}",
    5: "0 -{h} -{w} 0 {w} {h}",
    6: "0 -{h} {w} 0 0 {h}",
    7: "0 {h} {w} 0 0 0",
    8: "0 {h} -{w} 0 {w} 0",
}
"""How an image of each orientation (TIFF 6.0, section 8) is laid upright on w × h points (ISO 32000-1, 8.3.4)."""


def as_pdf(image: Path, pdf: Path) -> None:
    """Write the pages of `image` (TIFF, JPEG or PNG) into `pdf`.

    Raises:
        Unreadable: it is broken, too large, or of a kind that nobody can show.
    """
    Image.MAX_IMAGE_PIXELS = None  # measured below, before anything is decoded
    try:
        # Opened by its name, a TIFF's rows would be mapped with the width that it has once it is turned.
        with image.open("rb") as content, Image.open(content, formats=_KINDS) as opened:
            writer = PdfWriter()
            photograph = opened.format in _PHOTOGRAPHS
            for number, frame in enumerate(_frames(opened), start=1):
                _add_page(writer, frame, image if photograph else None, number)
                if photograph:
                    break
            writer.write(pdf)
    except (UnidentifiedImageError, KeyError, NotImplementedError) as error:
        raise Unreadable("scan_image_unknown") from error
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, struct.error) as error:
        raise Unreadable("scan_image_broken") from error


def _frames(opened: Image.Image) -> Iterator[Image.Image]:
    pages = (frame for frame in ImageSequence.Iterator(opened) if _is_page(frame))
    for number, frame in enumerate(pages, start=1):
        if number > MOST_PAGES:
            raise Unreadable("scan_too_many_pages", maximum=MOST_PAGES)
        if frame.width * frame.height > MOST_PIXELS:
            raise Unreadable("scan_page_too_fine", page=number, maximum=MOST_PIXELS)
        yield frame


def _is_page(frame: Image.Image) -> bool:
    """Whether a TIFF's image is no companion of another."""
    if frame.tell() == 0 or not isinstance(frame, TiffImagePlugin.TiffImageFile):
        return True
    return not int(frame.tag_v2.get(_SUBFILE, 0)) & _NO_PAGE


def _add_page(writer: PdfWriter, frame: Image.Image, jpeg: Path | None, number: int) -> None:
    orientation = orientation_of(frame)
    width, height = paper_points(frame, orientation)
    page = writer.add_blank_page(width, height)
    if jpeg is not None and frame.mode in ("L", "RGB"):
        frame.load()  # broken ones are refused here
        image = _object(frame, "/DCTDecode", jpeg.read_bytes())
    else:
        image, orientation = _deflated(frame, number), _UPRIGHT
    drawn = writer._add_object(image)  # noqa: SLF001  pypdf has no other door
    names = DictionaryObject({NameObject(f"/Scan{number}"): drawn})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): names})
    content = DecodedStreamObject()
    laid = _LAID[orientation].format(w=f"{width:.3f}", h=f"{height:.3f}")
    content.set_data(f"q {laid} cm /Scan{number} Do Q".encode())
    page[NameObject("/Contents")] = writer._add_object(content)  # noqa: SLF001  as above


def _deflated(frame: Image.Image, number: int) -> StreamObject:
    try:
        seen = upright(frame)
    except ColoursNotKnown as error:
        raise Unreadable("scan_page_colours", page=number, colours=str(error)) from error
    return _object(seen, "/FlateDecode", zlib.compress(seen.tobytes()))


def _object(image: Image.Image, encoding: str, content: bytes) -> StreamObject:
    """The image as an object of the PDF (ISO 32000-1, 8.9.5)."""
    drawn = StreamObject()
    drawn.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(image.width),
            NameObject("/Height"): NumberObject(image.height),
            NameObject("/ColorSpace"): NameObject(_SPACES[image.mode]),
            NameObject("/BitsPerComponent"): NumberObject(1 if image.mode == "1" else 8),
            NameObject("/Filter"): NameObject(encoding),
        }
    )
    drawn._data = content  # noqa: SLF001  as above
    return drawn
