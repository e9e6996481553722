"""Pages of scans as pictures, made by a program that is given nothing else."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

PDF = (Path(__file__).parents[3] / "examples" / "documents" / "surat-kamal.pdf").read_bytes()


def made(content, what):
    command = [sys.executable, "-m", "bmt.press.picture", what]
    return subprocess.run(command, check=False, input=content, capture_output=True, timeout=30)


def image(form, frames=1):
    pictures = [Image.new("RGB", (2000, 100 + n)) for n in range(frames)]
    content = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(content, form, **more)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "pages"),
    [(PDF, 1), (image("PNG"), 1), (image("JPEG"), 1), (image("TIFF", 3), 3)],
    ids=["pdf", "png", "jpeg", "tiff"],
)
def test_each_page_of_a_scan_has_a_picture(content, pages):
    assert int(made(content, "pages").stdout) == pages
    for page in range(1, pages + 1):
        picture = Image.open(io.BytesIO(made(content, str(page)).stdout))
        assert (picture.format, picture.width) == ("PNG", 1000)
    beyond = made(content, str(pages + 1))
    assert (beyond.returncode, beyond.stdout) == (1, b"")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 and nothing", b"GIF89a", PDF[:4000]])
def test_what_cannot_be_read_has_none(content):
    assert (made(content, "1").returncode, made(content, "1").stdout) == (1, b"")


def test_page_nought_is_none():
    assert made(PDF, "0").returncode == 1
