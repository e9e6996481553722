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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("form", "mode", "more"),
    [
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


def test_each_page_of_a_tiff_lies_as_it_says(tmp_path):
    pages = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(pages) as file:
        for orientation in range(1, 9):
            lying = stored(drawn(100, mode="1"), orientation)
            more = {"compression": "group3" if orientation % 2 else "group4", "dpi": (100, 100)}
            lying.save(file, "TIFF", tiffinfo=tagged(ORIENTATION=orientation), **more)
            file.newFrame()
    (tmp_path / "scan").write_bytes(pages.getvalue())
    as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")
    assert [unlike(tmp_path / "scan.pdf", number) for number in range(8)] == [""] * 8


@pytest.mark.parametrize(
    "dpi", [(204, 98), (204, 196), (204, 391), (100, 200), (72, 72), (300, 300), (75, 150)]
)
@pytest.mark.parametrize("form", ["TIFF", "JPEG", "PNG"])
def test_dots_that_are_not_square_keep_the_shape(made, form, dpi):
    assert not unlike(made(drawn(*dpi), form, dpi=dpi))


@pytest.mark.parametrize(
    "dpi",
    [(1, 1), (0, 0), (0, 200), (200, 0), (10, 10), (10_000, 10_000), (60_000, 60_000), (1, 60_000)],
)
@pytest.mark.parametrize("form", ["TIFF", "JPEG", "PNG"])
def test_a_resolution_that_no_scanner_has_makes_a_page_of_a4(made, form, dpi):
    assert not unlike(made(drawn(150), form, dpi=dpi))


@pytest.mark.parametrize("dpi", [(10**6, 10**6), (2 * 10**6, 10**6)])
@pytest.mark.parametrize("form", ["TIFF", "PNG"])
def test_the_largest_resolutions_keep_the_shape_on_a4(made, form, dpi):
    assert not unlike(made(drawn(150 * dpi[0] / 10**6, 150), form, dpi=dpi))


def test_what_a_camera_or_a_drawing_program_writes_is_no_paper_of_a_wall(made):
    assert not unlike(made(drawn(250), "JPEG", dpi=(72, 72)))
    assert not unlike(made(drawn(250), "PNG", dpi=(96, 96)))


def test_a_large_plan_keeps_its_size(made):
    assert not unlike(made(drawn(400), "JPEG", dpi=(100, 100)), size=(A4[0] * 4, A4[1] * 4))


@pytest.mark.parametrize(("unit", "size"), [(2, A4), (3, A4), (1, A4)])
def test_resolutions_of_tiff_are_read_in_their_unit(made, unit, size):
    """An inch, a centimetre, or none: then it is the shape of a dot alone."""
    per = 1 / 2.54 if unit == 3 else 1
    tags = tagged(UNIT=unit, X_RESOLUTION=200 * per, Y_RESOLUTION=100 * per)
    assert not unlike(made(drawn(200, 100), "TIFF", tiffinfo=tags), size=size)


@pytest.mark.parametrize("density", [(2, 1), (1, 1)])
def test_a_jpeg_may_say_the_shape_of_its_dots_alone(made, density):
    content = BytesIO()
    drawn(150 * density[0], 150).save(content, "JPEG", dpi=density)
    jfif = bytearray(content.getvalue())
    jfif[13] = 0  # JFIF 1.02: no unit
    assert not unlike(made(Image.open(BytesIO(jfif)), "JPEG", dpi=density))


@pytest.mark.parametrize("form", ["TIFF", "PNG"])
def test_grey_of_sixteen_bits_is_the_same_grey(page, form):
    _, drawn = page(Image.new("I;16", SIZE, 20_000), form)
    assert middle(drawn) == pytest.approx(20_000 / 256, abs=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_white_as_paper_is(page, mode):
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    _, drawn = page(image.convert(mode), "PNG" if mode != "PA" else "TIFF")
    assert middle(drawn) == 255


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", None])
@pytest.mark.parametrize("white", [0, 1])
def test_white_may_be_nought_or_one(made, compression, white):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = white
    paper = drawn(100, mode="1")
    assert not unlike(made(paper, "TIFF", dpi=(100, 100), tiffinfo=tags, compression=compression))


def test_what_a_camera_adds_to_a_picture_is_no_page(page):
    picture, preview = Image.new("RGB", SIZE, "grey"), Image.new("RGB", (40, 20), "white")
    pages, _ = page(picture, "MPO", save_all=True, append_images=[preview])
    assert pages == 1


@pytest.mark.parametrize(
    "behind", [b"\0" * 5000, b"\xff\xd8\xff\xe0 no picture", b"\0\0\0\x18ftypmp42" + b"video" * 900]
)
def test_what_stands_behind_a_photograph_is_not_shown(tmp_path, behind):
    content = BytesIO()
    drawn(150).save(content, "JPEG", dpi=(150, 150))
    (tmp_path / "scan").write_bytes(content.getvalue() + behind)
    as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")
    assert not unlike(tmp_path / "scan.pdf")


@pytest.mark.parametrize("cut", [0.3, 0.8, 0.97])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_what_is_cut_off_is_broken(tmp_path, form, cut):
    content = BytesIO()
    drawn(150).save(content, form)
    (tmp_path / "scan").write_bytes(content.getvalue()[: int(len(content.getvalue()) * cut)])
    with pytest.raises(Unreadable, match="The image is broken"):
        as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")


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


def test_a_photograph_is_laid_in_byte_for_byte(tmp_path):
    content = BytesIO()
    Image.new("RGB", SIZE, "grey").save(content, "JPEG")
    (tmp_path / "scan").write_bytes(content.getvalue())
    as_pdf(tmp_path / "scan", tmp_path / "scan.pdf")
    (image,) = pypdf.PdfReader(tmp_path / "scan.pdf").pages[0]["/Resources"]["/XObject"].values()
    assert image.get_object()._data == content.getvalue()
