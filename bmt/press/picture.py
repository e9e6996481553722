"""A scan as a picture of its paper: upright, in colours that a PDF knows, of the paper's size.

`python -m bmt.press.picture PAGE` reads a file from stdin and writes a PNG of one page. With `pages` it
writes their number.

It is a program of its own, because an uploaded file may be made to break its reader. It gets no secret,
little memory and little time, and its caller needs only the picture. It imports no other module of ours, so
it runs where none is installed.
"""

import io
import math
import resource
import sys
from collections.abc import Mapping
from typing import Any, Final

import pypdfium2
from PIL import ExifTags, Image, ImageOps

WIDTH: Final = 1000
"""Pixels: enough to read a page of A4."""
MOST_HEIGHT: Final = 4000
MOST_PIXELS: Final = 80_000_000
MEMORY_BYTES: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 10
NO_PICTURE: Final = 1
"""The exit code if there is no such page, or the file cannot be read."""

A4_POINTS: Final = (595.28, 841.89)
_A3_POINTS: Final = 1190.55
_A0_POINTS: Final = 3370.39
"""The longer side (ISO 216; 72 points an inch)."""
_INCH_POINTS: Final = 72.0
_DPI: Final = (50.0, 2400.0)
"""What scanners and fax machines write."""
_SCREEN_DPI: Final = 96.5
"""Cameras and drawing programs write 72 or 96 if they know no paper size (dots a metre are whole)."""
_MOST_STRETCHED: Final = 4.0
"""Fax machines scan up to 2.1 times as many dots across as down (ITU-T T.4: 204 × 98 an inch)."""
_WITHOUT_WHITE: Final = ("I", "F")
"""32-bit modes: no file defines which value is white."""
_BITS: Final = 258
_WHITE: Final = 262
_PLANES: Final = 284
"""TIFF 6.0, section 8: BitsPerSample, PhotometricInterpretation (0: nought is white), PlanarConfiguration."""
_APART: Final = 2
_BYTE_BITS: Final = 8
_SIDEWAYS: Final = 5
"""From this orientation on, rows are columns (TIFF 6.0, section 8)."""
_PDF: Final = b"%PDF-"


class ColoursNotKnown(Exception):  # noqa: N818  named for what is so
    """The image's colours cannot be shown. The text is Pillow's name of their mode."""


def picture(content: bytes, page: int) -> bytes:
    """Page `page` (from 1) of a PDF or an image file, as a PNG. Raises the readers' own errors."""
    drawn = _of_pdf(content, page) if _is_pdf(content) else _of_image(content, page)
    png = io.BytesIO()
    drawn.save(png, "PNG")
    return png.getvalue()


def pages(content: bytes) -> int:
    """The number of pages. Raises as `picture`."""
    if _is_pdf(content):
        return len(pypdfium2.PdfDocument(content))
    return int(getattr(_image(content), "n_frames", 1))


def _is_pdf(content: bytes) -> bool:
    return _PDF in content[:1024]


def _of_pdf(content: bytes, page: int) -> Image.Image:
    document = pypdfium2.PdfDocument(content)
    document.init_forms()  # else the contents of form fields are not drawn
    sheet = document[page - 1]
    drawn: Image.Image = sheet.render(scale=_scale(*sheet.get_size())).to_pil()
    return drawn


def _of_image(content: bytes, page: int) -> Image.Image:
    image = _image(content)
    image.seek(page - 1)
    width, height = paper_points(image, orientation_of(image))
    scale = _scale(width, height)
    seen = upright(image)
    return (seen.convert("L") if seen.mode == "1" else seen).resize(
        (max(round(width * scale), 1), max(round(height * scale), 1)), reducing_gap=2.0
    )


def _scale(width: float, height: float) -> float:
    return min(WIDTH / width, MOST_HEIGHT / height)


def _image(content: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    return Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "TIFF"))


def orientation_of(frame: Image.Image) -> int:
    """The image's orientation in its file: 1 to 8 (TIFF 6.0, section 8). Ask before the frame is loaded."""
    written = frame.getexif().get(ExifTags.Base.Orientation, 1)
    return written if written in range(1, 9) else 1


def paper_points(frame: Image.Image, orientation: int) -> tuple[float, float]:
    """Width and height of the upright paper.

    The resolution gives them if the result can be a paper's size; else the size that fills A4. Dots that are
    not square keep their shape either way.
    """
    width, height = frame.size
    if frame.format != "TIFF" and orientation >= _SIDEWAYS:  # Pillow turns TIFF's sizes itself
        width, height = height, width
    across, down = _dots(frame.info)
    if orientation >= _SIDEWAYS:
        across, down = down, across
    written = width * _INCH_POINTS / across, height * _INCH_POINTS / down
    if _can_be_papers(written, across, down):
        return written
    fills = A4_POINTS if written[0] <= written[1] else A4_POINTS[::-1]
    scale = min(fills[0] / written[0], fills[1] / written[1])
    return max(written[0] * scale, 1.0), max(written[1] * scale, 1.0)


def upright(frame: Image.Image) -> Image.Image:
    """The visible image, of mode 1, L or RGB: turned once, transparency as white as paper.

    Raises:
        ColoursNotKnown: the colours have no defined look.
        Exception: Pillow's own errors.
    """
    frame.load()
    tags = getattr(frame, "tag_v2", {})
    if tags.get(_PLANES, 1) == _APART and max(tags.get(_BITS, (1,))) > _BYTE_BITS:
        raise ColoursNotKnown(
            f"{frame.mode};{max(tags[_BITS])}"
        )  # Pillow reads a half of each value
    seen = ImageOps.exif_transpose(frame)
    if seen.mode in _WITHOUT_WHITE:
        raise ColoursNotKnown(seen.mode)
    if seen.mode.startswith("I;16"):
        return _of_sixteen_bits(seen, white_is_nought=tags.get(_WHITE, 1) == 0)
    if seen.has_transparency_data:
        return _on_paper(seen.convert("RGBA"))
    return seen if seen.mode in ("1", "L", "RGB") else seen.convert("RGB")


def _of_sixteen_bits(image: Image.Image, *, white_is_nought: bool) -> Image.Image:
    """The upper eight bits of grey."""
    grey = image.convert("I").point(lambda value: value / 256).convert("L")
    if white_is_nought:  # Pillow turns round eight bits and fewer alone
        grey = ImageOps.invert(grey)
    if not image.has_transparency_data:
        return grey
    drawn = grey.convert("RGBA")
    drawn.putalpha(image.convert("RGBA").getchannel("A"))  # found among all sixteen
    return _on_paper(drawn)


def _on_paper(drawn: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", drawn.size, "white")
    paper.alpha_composite(drawn)
    return paper.convert("RGB")


def _dots(info: Mapping[Any, Any]) -> tuple[float, float]:
    """Dots across and down: an inch if the file has a unit, else in proportion; 1, 1 if it has nothing."""
    for name in ("dpi", "resolution", "aspect", "jfif_density"):
        across, down = (float(each) for each in info.get(name, (0, 0))[:2])
        if across > 0 < down and 1 / _MOST_STRETCHED <= across / down <= _MOST_STRETCHED:
            return across, down
    return 1.0, 1.0


def _can_be_papers(points: tuple[float, float], across: float, down: float) -> bool:
    least, most = _DPI
    dots = math.isfinite(across + down) and least <= min(across, down) <= max(across, down) <= most
    largest = _A3_POINTS if max(across, down) <= _SCREEN_DPI else _A0_POINTS
    return dots and max(points) <= largest * 1.01


def main() -> int:
    """Read stdin and write stdout. The exit code is `NO_PICTURE` if there is no picture."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        content = sys.stdin.buffer.read()
        order = sys.argv[1]
        answer = str(pages(content)).encode() if order == "pages" else picture(content, int(order))
    except Exception:  # noqa: BLE001  whatever is wrong with it, there is no picture of it
        return NO_PICTURE
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
