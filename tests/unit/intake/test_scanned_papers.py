"""Scans as scanners and offices make them: each page is compared with the paper that was drawn, not counted."""

import gzip
import json
import re
from io import BytesIO
from pathlib import Path

import pypdf
import pypdfium2
import pytest
from fixtures.drawn_paper import A4, drawn, resembles, stored, unlike
from fixtures.thoroughness import only_long
from PIL import Image, TiffImagePlugin

from services.intake.documents import proposal
from services.intake.domain.errors import FieldWrong
from services.intake.papers import Unreadable
from services.intake.readers import read_scan
from services.intake.scan_process import as_pdf, read

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


ALGORITHMS = ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"]


def pdf() -> bytes:
    """The drawn paper."""
    content = BytesIO()
    drawn(100).save(content, "PDF", resolution=100)
    return content.getvalue()


def written(changed) -> bytes:
    """The drawn paper, `changed(page, writer)`."""
    writer = pypdf.PdfWriter(BytesIO(pdf()))
    changed(writer.pages[0], writer)
    content = BytesIO()
    writer.write(content)
    return content.getvalue()


def locked(algorithm: str) -> bytes:
    return written(lambda _, writer: writer.encrypt("", "the office's own", algorithm=algorithm))


def broken(pattern: bytes, instead: bytes) -> bytes:
    content, count = re.subn(pattern, instead, pdf(), flags=re.DOTALL)
    assert count
    return content


@pytest.fixture
def whole(tmp_path):
    """`whole(content)`: the one paper that it becomes, and its number of pages."""

    def whole(content):
        (scan := tmp_path / "scan").write_bytes(content)
        found = read(scan, "application/pdf", tmp_path)
        (file,) = found.files
        return file, found.page_count

    return whole


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pdf(), id="whole"),
        *(pytest.param(locked(each), id=f"for copying only, {each}") for each in ALGORITHMS),
        pytest.param(b"\xef\xbb\xbf\r\n\r\n  " + pdf(), id="behind a mark and blanks"),
        pytest.param(broken(rb"startxref\s+\d+", b"startxref\n7"), id="another xref"),
        pytest.param(broken(rb"startxref\s+\d+", b"startxref\n99999999"), id="xref behind the end"),
        pytest.param(broken(rb"xref\n0.*trailer", b"trailer"), id="no xref"),
        pytest.param(broken(rb"(\d{10}) (\d{5}) n", rb"0000000007 \2 n"), id="wrong places"),
        pytest.param(pdf()[:-20], id="cut off in its last lines"),
        pytest.param(pdf() + b"\r\n\0" * 2000, id="blanks behind the end"),
    ],
)
def test_what_every_reader_opens_is_one_paper(whole, content):
    file, pages = whole(content)
    assert pages == 1
    assert not unlike(file)


FOLDER = Path(__file__).parents[2] / "cases" / "scans"
CASES = json.loads((FOLDER / "expected.json").read_text())
MANY_PAGES = 100
TAKEN = [
    pytest.param(name, marks=only_long if case["pages"] > MANY_PAGES else ())
    for name, case in CASES.items()
    if "pages" in case
]
REFUSED = [name for name, case in CASES.items() if "refused" in case]


@pytest.fixture
def scan(tmp_path):
    """`scan(name)`: the file, as the service keeps it, and its media type."""

    def scan(name):
        content = (FOLDER / name).read_bytes()
        file = tmp_path / "scan"
        file.write_bytes(gzip.decompress(content) if name.endswith(".gz") else content)
        return file, CASES[name]["media_type"]

    return scan


@pytest.mark.parametrize("name", TAKEN)
def test_a_scan_is_taken_apart_and_its_pages_look_as_drawn(scan, tmp_path, name):
    case, found = CASES[name], read(*scan(name), tmp_path)
    assert (found.page_count, len(found.files)) == (case["pages"], case["items"])
    if "kinds" in case:
        proposed = [proposal(part.codes, "MAMPU", None) for part in found.parts]
        assert [one.get("kind") for one in proposed] == case["kinds"]
    for file in found.files:
        with pypdfium2.PdfDocument(file) as document:
            document.init_forms()
            assert len(document) == case["pages"] // case["items"]
            for page in (document[0], document[len(document) - 1]):
                assert page.get_size() == pytest.approx(
                    case.get("points", page.get_size()), rel=0.03
                )
                assert_shows(page.render(scale=1, grayscale=True).to_pil(), case.get("shows", ""))


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_shown_is_refused_by_name(scan, tmp_path, name):
    """By a process of its own: pdfium remembers errors of the scan before."""
    with pytest.raises(FieldWrong) as refused:
        await read_scan(*scan(name), tmp_path)
    assert CASES[name]["refused"] in str(refused.value)


def test_every_scan_of_the_folder_has_its_expectation():
    assert {file.name for file in FOLDER.iterdir()} == CASES.keys() | {"expected.json", "README.md"}


def assert_shows(page: Image.Image, what: str) -> None:
    """`paper`: a dark bar over the upper tenth, a round circle about the middle, and white paper.

    `drawn paper`: that of `fixtures.drawn_paper`, which no turning and no mirror leaves alike.
    """
    if what == "paper":
        width, height = page.size
        assert _mean(page, 0, 0, 1, 0.08) < 60
        assert min(_mean(page, 0, 0.15, 1, 0.25), _mean(page, 0, 0.8, 1, 1)) > 250
        middle = page.crop((0, round(height * 0.2), width, round(height * 0.9)))
        left, top, right, bottom = middle.point(lambda grey: 255 * (grey < 128)).getbbox()
        assert right - left == pytest.approx(bottom - top, rel=0.06)
    elif what == "drawn paper":
        assert resembles(page)
    elif what == "blank":
        assert _mean(page, 0, 0, 1, 1) > 250


def _mean(page: Image.Image, left: float, top: float, right: float, bottom: float) -> float:
    width, height = page.size
    part = page.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )
    return sum(value * count for value, count in enumerate(part.histogram())) / (
        part.width * part.height
    )
