"""Images as pages: each is compared with the paper that was drawn, not counted."""

from io import BytesIO

import pypdf
import pypdfium2
import pytest
from fixtures.drawn_paper import A4, drawn, stored, unlike
from PIL import Image, TiffImagePlugin

from services.intake.papers import Unreadable
from services.intake.scan_process import as_pdf

SIZE = (400, 200)
ORIENTATION, UNIT, X_RESOLUTION, Y_RESOLUTION, SUBFILE = 274, 296, 282, 283, 254


@pytest.fixture
def made(tmp_path):
    """`made(image, "PNG")`: the PDF that is made of it."""

    def made(image, form, **more):
        source, pdf = tmp_path / "scan", tmp_path / "scan.pdf"
        image.save(source, form, **more)
        as_pdf(source, pdf)
        return pdf

    return made


@pytest.fixture
def page(made):
    """`page(image, "PNG")`: how many pages there are, and the first one drawn."""

    def page(image, form, **more):
        with pypdfium2.PdfDocument(made(image, form, **more)) as document:
            return len(document), document[0].render(scale=1).to_pil().convert("L")

    return page


def middle(drawn):
    return drawn.getpixel((drawn.width // 2, drawn.height // 2))


def tagged(**tags):
    """TIFF's tags, by their names here."""
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        ifd[globals()[name]] = value
    return ifd


KINDS = (
    ("TIFF", "L", {}),
    ("TIFF", "L", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "CMYK", {}),
    ("TIFF", "1", {}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "P", {"compression": "packbits"}),
    ("JPEG", "L", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("PNG", "1", {}),
    ("PNG", "RGB", {}),
    ("PNG", "P", {}),
    ("PNG", "LA", {}),
)
TURNED = 6


@pytest.mark.parametrize(
    ("form", "mode", "more", "orientation"),
    [
        *((*kind, TURNED) for kind in KINDS),
        *(("TIFF", "L", {}, other) for other in range(1, 9) if other != TURNED),
        *(("JPEG", "L", {}, other) for other in range(1, 9) if other != TURNED),
    ],
)
def test_a_scan_is_turned_once_however_it_lies(made, form, mode, more, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    lying = stored(drawn(120, 60, mode), orientation)
    dpi = (60, 120) if orientation > 4 else (120, 60)
    if form == "TIFF":
        pdf = made(lying, form, dpi=dpi, tiffinfo=tagged(ORIENTATION=orientation), **more)
    else:
        pdf = made(lying, form, dpi=dpi, exif=exif, **more)
    assert not unlike(pdf)


@pytest.mark.parametrize(
    ("form", "dpi"),
    [
        *(("TIFF", dpi) for dpi in ((204, 98), (204, 391), (100, 200), (72, 72), (300, 300))),
        ("JPEG", (75, 150)),
        ("PNG", (75, 150)),
    ],
)
def test_dots_that_are_not_square_keep_the_shape(made, form, dpi):
    assert not unlike(made(drawn(*dpi), form, dpi=dpi))


@pytest.mark.parametrize(
    ("form", "dpi"),
    [
        *(("TIFF", dpi) for dpi in ((1, 1), (0, 0), (0, 200), (200, 0), (10_000, 10_000))),
        *(("JPEG", dpi) for dpi in ((0, 0), (1, 60_000))),
        *(("PNG", dpi) for dpi in ((0, 0), (60_000, 60_000))),
    ],
)
def test_a_resolution_that_no_scanner_has_makes_a_page_of_a4(made, form, dpi):
    assert not unlike(made(drawn(150), form, dpi=dpi))


def test_a_large_plan_keeps_its_size(made):
    assert not unlike(made(drawn(400), "JPEG", dpi=(100, 100)), size=(A4[0] * 4, A4[1] * 4))


@pytest.mark.parametrize("density", [(2, 1), (1, 1)])
def test_a_jpeg_may_say_the_shape_of_its_dots_alone(made, density):
    content = BytesIO()
    drawn(150 * density[0], 150).save(content, "JPEG", dpi=density)
    jfif = bytearray(content.getvalue())
    jfif[13] = 0  # JFIF 1.02: no unit
    assert not unlike(made(Image.open(BytesIO(jfif)), "JPEG", dpi=density))


@pytest.mark.parametrize("kind", [1, 4, 5])
def test_a_smaller_copy_and_a_mask_in_a_tiff_are_no_pages(tmp_path, kind):
    pages = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(pages) as file:
        for image, of in ((drawn(), 2), (drawn(10), kind), (drawn(), 2)):
            image.save(file, "TIFF", dpi=(100, 100), tiffinfo=tagged(SUBFILE=of))
            file.newFrame()
    (tmp_path / "scan").write_bytes(pages.getvalue())
    as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")
    assert len(pypdf.PdfReader(tmp_path / "scan.pdf").pages) == 2


@pytest.mark.parametrize("mode", ["I", "F"])
def test_colours_that_nobody_can_show_are_named(made, mode):
    with pytest.raises(Unreadable, match=rf"Page 1 is in colours that cannot be shown \({mode}\)"):
        made(Image.new(mode, SIZE), "TIFF")


def test_colours_of_the_eye_are_shown(page):
    white = Image.new("LAB", SIZE, (255, 128, 128))
    assert middle(page(white, "TIFF")[1]) > 250
