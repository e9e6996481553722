"""Pages of scans as pictures, made by a program that is given nothing else."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.drawn_paper import drawn, resembles, stored
from PIL import Image

import bmt.press.picture

SCANS = Path(__file__).parents[2] / "cases" / "scans"
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


@pytest.mark.parametrize(
    ("form", "orientation", "dpi", "mode"),
    [
        ("TIFF", 6, (200, 100), "L"),
        ("TIFF", 8, (204, 98), "1"),
        ("JPEG", 6, (100, 100), "CMYK"),
        ("JPEG", 5, (1, 1), "L"),
        ("PNG", 3, (100, 100), "LA"),
        ("PNG", 7, (100, 200), "RGB"),
    ],
)
def test_the_picture_of_an_image_is_upright_and_of_its_shape(form, orientation, dpi, mode):
    exif = Image.Exif()
    exif[274] = orientation
    lying = stored(drawn(*(dpi if min(dpi) > 1 else (100, 100)), mode), orientation)
    content = io.BytesIO()
    lying.save(content, form, dpi=dpi[::-1] if orientation > 4 else dpi, exif=exif)
    assert resembles(Image.open(io.BytesIO(made(content.getvalue(), "1").stdout)))


def test_what_is_typed_into_a_form_is_in_its_picture():
    png = made((SCANS / "582-pdf-with-a-field-filled-in.pdf").read_bytes(), "1").stdout
    picture = Image.open(io.BytesIO(png)).convert("L")
    assert picture.getpixel((int(picture.width * 0.12), int(picture.height * 0.9))) == 0


def test_it_runs_where_no_module_of_ours_is_found(tmp_path):
    """The console runs it by its file, isolated: in the image our modules are on no path of Python's own."""
    shutil.copy(bmt.press.picture.__file__, tmp_path)
    program = "import sys, runpy; sys.modules['bmt'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [
        sys.executable,
        "-I",
        "-c",
        program.replace("sys.argv[1]", repr(str(tmp_path / "picture.py"))),
    ]
    for content in (PDF, image("TIFF")):
        ran = subprocess.run(
            [*command, "1"], check=True, input=content, capture_output=True, timeout=30
        )
        assert Image.open(io.BytesIO(ran.stdout)).format == "PNG"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 and nothing", b"GIF89a", PDF[:4000]])
def test_what_cannot_be_read_has_none(content):
    answer = made(content, "1")
    assert (answer.returncode, answer.stdout) == (1, b"")
