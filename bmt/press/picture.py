"""A page of a scan as a picture: `python -m bmt.press.picture PAGE`, its bytes in, a PNG out; or `pages`: their number.

A program of its own, since what people send in may be made to break its reader: it is given no secret, little memory
and little time, and whoever runs it needs nothing of it but the picture.
"""

import io
import resource
import sys
from typing import Final

import pypdfium2
from PIL import Image

WIDTH: Final = 1000
"""Pixels: enough to read a page of A4 by."""
MOST_HEIGHT: Final = 4000
MOST_PIXELS: Final = 80_000_000
MEMORY_BYTES: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 10
NO_PICTURE: Final = 1
"""The exit code where there is no such page, or nothing that can be read."""

_PDF: Final = b"%PDF-"


def picture(content: bytes, page: int) -> bytes:
    """Page `page` (from 1) of a PDF or an image file, as a PNG.

    Raises:
        Exception: whatever its readers find wrong with it.
    """
    drawn = _of_pdf(content, page) if _is_pdf(content) else _of_image(content, page)
    drawn.thumbnail((WIDTH, MOST_HEIGHT))
    png = io.BytesIO()
    drawn.save(png, "PNG")
    return png.getvalue()


def pages(content: bytes) -> int:
    """How many there are.

    Raises:
        Exception: as `picture`.
    """
    if _is_pdf(content):
        return len(pypdfium2.PdfDocument(content))
    return int(getattr(_image(content), "n_frames", 1))


def _is_pdf(content: bytes) -> bool:
    return _PDF in content[:1024]


def _of_pdf(content: bytes, page: int) -> Image.Image:
    sheet = pypdfium2.PdfDocument(content)[page - 1]
    width, height = sheet.get_size()
    scale = min(WIDTH / width, MOST_HEIGHT / height)
    drawn: Image.Image = sheet.render(scale=scale).to_pil()
    return drawn


def _of_image(content: bytes, page: int) -> Image.Image:
    image = _image(content)
    image.seek(page - 1)
    return image.convert("RGB")


def _image(content: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    return Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "TIFF"))


def main() -> int:
    """Reads stdin, writes stdout; the exit code says whether there is a picture."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        content = sys.stdin.buffer.read()
        asked = sys.argv[1]
        told = str(pages(content)).encode() if asked == "pages" else picture(content, int(asked))
    except Exception:  # noqa: BLE001  whatever is wrong with it, there is no picture of it
        return NO_PICTURE
    sys.stdout.buffer.write(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
