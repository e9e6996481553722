"""Images as pages: what is seen on the page is what was scanned."""

from io import BytesIO

import pypdf
import pypdfium2
import pytest
from PIL import Image

from services.intake.scanning.image_pages import as_pdf

SIZE = (400, 200)


@pytest.fixture
def page(tmp_path):
    """`page(image, "PNG")`: how many pages there are, and the first one drawn."""

    def page(image, form, **more):
        source, pdf = tmp_path / "scan", tmp_path / "scan.pdf"
        image.save(source, form, **more)
        as_pdf(source, pdf)
        with pypdfium2.PdfDocument(pdf) as document:
            drawn = document[0].render(scale=1).to_pil().convert("L")
            return len(document), drawn

    return page


def middle(drawn):
    return drawn.getpixel((drawn.width // 2, drawn.height // 2))


@pytest.mark.parametrize("form", ["TIFF", "PNG"])
def test_grey_of_sixteen_bits_is_the_same_grey(page, form):
    _, drawn = page(Image.new("I;16", SIZE, 20_000), form)
    assert middle(drawn) == pytest.approx(20_000 / 256, abs=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_white_as_paper_is(page, mode):
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    _, drawn = page(image.convert(mode), "PNG" if mode != "PA" else "TIFF")
    assert middle(drawn) == 255


def test_what_a_camera_adds_to_a_picture_is_no_page(page):
    picture, preview = Image.new("RGB", SIZE, "grey"), Image.new("RGB", (40, 20), "white")
    pages, _ = page(picture, "MPO", save_all=True, append_images=[preview])
    assert pages == 1


@pytest.mark.parametrize(("orientation", "lies"), [(1, True), (3, True), (6, False), (8, False)])
def test_a_photograph_stands_as_it_was_taken(page, orientation, lies):
    exif = Image.Exif()
    exif[0x0112] = orientation
    _, drawn = page(Image.new("RGB", SIZE, "grey"), "JPEG", exif=exif)
    assert (drawn.width > drawn.height) is lies


def test_a_photograph_is_laid_in_byte_for_byte(tmp_path):
    content = BytesIO()
    Image.new("RGB", SIZE, "grey").save(content, "JPEG")
    (tmp_path / "scan").write_bytes(content.getvalue())
    as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")
    (image,) = pypdf.PdfReader(tmp_path / "scan.pdf").pages[0]["/Resources"]["/XObject"].values()
    assert image.get_object()._data == content.getvalue()
