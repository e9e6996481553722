"""Reads one scan: `python -m services.intake.scan_process SCAN MEDIA_TYPE FOLDER`.

Scans may be hostile. So this is a process of its own without secrets, bounded in memory and time. It writes
each paper into FOLDER, and its findings as JSON to its output.
"""

import re
import resource
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pypdf
import pypdfium2
import zxingcpp
from PIL import Image, ImageFilter, ImageSequence, TiffImagePlugin, UnidentifiedImageError
from pypdf import PageObject, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import (
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
)

from bmt.press.picture import ColoursNotKnown, orientation_of, paper_points, upright
from services.intake.papers import (
    LONGEST_SIDE_POINTS,
    MOST_PAGES,
    MOST_PIXELS,
    PaperCode,
    Part,
    ReadScan,
    Unreadable,
    paper_code,
    parts_of,
)

_DRAWS: Final = re.compile(rb"/([^\s/<>\[\]()]+)\s+Do\b")


def with_own_images(page: PageObject) -> PageObject:
    """The page without the images of other papers, which some scanners list with each page.

    If the images that it draws are unknown, all stay.
    """
    resources = DictionaryObject(page.get("/Resources", DictionaryObject()).get_object())
    listed = resources.get("/XObject", DictionaryObject()).get_object()
    content = page.get_contents()
    if content is None:
        return page
    drawn = {b"/" + name for name in _DRAWS.findall(content.get_data())}
    own = {name: listed.raw_get(name) for name in listed if name.encode() in drawn}
    if own and len(own) < len(listed):
        resources[NameObject("/XObject")] = DictionaryObject(own)
        page[NameObject("/Resources")] = resources
    return page


_KINDS: Final = ("TIFF", "JPEG", "PNG")
_PHOTOGRAPHS: Final = ("JPEG", "MPO")
"""A camera's further pictures in the file (a preview, a gain map) are no pages."""
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
"""The matrix (ISO 32000-1, 8.3.4) that lays each orientation (TIFF 6.0, section 8) upright on w × h points."""


def as_pdf(image: Path, pdf: Path) -> None:
    """Write the pages of `image` (TIFF, JPEG or PNG) into `pdf`: a JPEG as it is, others deflated.

    Raises:
        Unreadable: it is broken, too large, or of an unknown kind.
    """
    Image.MAX_IMAGE_PIXELS = None  # measured below, before anything is decoded
    try:
        # Opened by name, a TIFF would be mapped with the width that it has after turning.
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


_LONG_SIDE_PIXELS: Final = 2400
"""A4 at 205 dpi: a module of our smallest code is four pixels wide."""
_MOST_SCALE: Final = 4.0
_BLUR: Final = ImageFilter.BoxBlur(2)
"""On noisy sheets as effective as a Gaussian of 1.5, in half the time."""
_QR_CODES: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def codes_of(pdf: Path) -> Sequence[PaperCode | None]:
    """Our code on each page, found in a grey picture of the page.

    Raises:
        Unreadable: it is broken, locked, empty, too long, or a page is too large.
    """
    try:
        with pypdfium2.PdfDocument(pdf) as document:
            if not len(document):
                raise Unreadable("scan_without_page")
            if len(document) > MOST_PAGES:
                raise Unreadable("scan_too_many_pages", maximum=MOST_PAGES)
            document.init_forms()  # otherwise the values of form fields are not drawn
            return [_code_on(_picture(document, number)) for number in range(len(document))]
    except pypdfium2.PdfiumError as error:
        is_locked = "assword" in str(error)
        raise Unreadable("scan_locked" if is_locked else "scan_broken") from error


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
    """A second look at the blurred picture finds codes that noise hides."""
    for seen in _looks(picture):
        found = zxingcpp.read_barcodes(seen, formats=_QR_CODES)
        ours = (paper_code(one.text) for one in found)
        if (code := next((one for one in ours if one is not None), None)) is not None:
            return code
    return None


def _looks(picture: Image.Image) -> Iterator[Image.Image]:
    yield picture
    yield picture.filter(_BLUR)


PDF: Final = "application/pdf"
MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 300


def read(scan: Path, media_type: str, folder: Path) -> ReadScan:
    """The papers of the scan.

    Raises:
        Unreadable: it cannot be taken in.
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
    """Each paper's pages, copied unchanged."""
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


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    try:
        found = read(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except Unreadable as unreadable:
        found = ReadScan(fault=unreadable.fault)
    sys.stdout.write(found.model_dump_json())
