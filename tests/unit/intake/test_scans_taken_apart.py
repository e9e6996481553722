"""Scans: which codes are ours, where a batch is taken apart, and what cannot be read."""

from io import BytesIO

import pypdf
import pytest
from fixtures.scanned_paper import batch_pdf, batch_tiff, printed, scanned, typed
from fixtures.thoroughness import LONG

from services.intake import scan_process
from services.intake.documents import doubts, proposal
from services.intake.domain.errors import FieldWrong
from services.intake.papers import (
    CoverCode,
    FormCode,
    Part,
    RequestCode,
    Unreadable,
    paper_code,
    parts_of,
)
from services.intake.readers import read_scan
from services.intake.scan_process import read

ID = "01936f2a-7b1c-7def-8abc-0123456789ab"
FORM = FormCode("application", "MAMPU")
COVER = CoverCode("letter", "MAMPU")
STATUS = RequestCode(ID)
PDF = "application/pdf"
KEY = "correct horse"
LYING = [(0, 0), (3, 0), (-4, 180), (2, 90)]
"""Degrees: askew, and turned."""
LYING_ONCE = [(0, 0, 150), (3, 0, 200), (-4, 180, 150), (2, 90, 150)]
"""The fewest dots an inch are the hardest to read, and the quickest."""


@pytest.mark.parametrize("code", [FORM, COVER, FormCode("termination", "JPA")])
def test_a_code_says_what_it_was_made_of(code):
    assert paper_code(code.text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"https://bmt.example/my/requests/{ID}", STATUS),
        (f"https://bmt.example/my/requests/{ID}/more", None),
        (f"javascript:/requests/{ID}", None),
        ("https://bmt.example/requests/1", None),
        ("bmt:form:application:mampu:v1", None),
        ("bmt:form:other:MAMPU:v1", None),
        ("bmt:cover:form:MAMPU:v1", None),
        ("http://[", None),
        ("x" * 5000, None),
        ("", None),
    ],
)
def test_only_our_codes_are_read(text, code):
    assert paper_code(text) == code


@pytest.mark.parametrize(
    ("codes", "parts"),
    [
        ([None, None], [Part((1, 2), ())]),
        ([FORM, None, FORM], [Part((1, 2), (FORM,)), Part((3,), (FORM,))]),
        ([COVER, None, None, COVER, None], [Part((2, 3), (COVER,)), Part((5,), (COVER,))]),
        ([None, FORM], [Part((1,), ()), Part((2,), (FORM,))]),
        ([COVER, FORM, None], [Part((2, 3), (COVER, FORM))]),
        ([COVER, COVER, None, COVER], [Part((3,), (COVER,))]),
        ([STATUS, None, STATUS], [Part((1, 2), (STATUS,)), Part((3,), (STATUS,))]),
        ([COVER], []),
    ],
)
def test_a_batch_is_taken_apart_at_our_codes(codes, parts):
    assert parts_of(codes) == tuple(parts)


def test_what_codes_of_the_agency_say_is_proposed():
    assert proposal([FORM], "MAMPU", "memo") == {
        "channel": "form",
        "kind": "application",
        "agency": "MAMPU",
    }
    assert proposal([COVER], "MAMPU", None) == {"channel": "letter", "agency": "MAMPU"}
    assert proposal([STATUS], "MAMPU", "memo") == {"channel": "memo"}
    assert doubts([FORM, STATUS], "MAMPU") == ()


def test_codes_of_another_agency_are_told_of_and_not_believed():
    assert proposal([FORM], "JPA", None) == {}
    (doubt,) = doubts([FORM], "JPA")
    assert doubt.field == "agency"
    assert "MAMPU" in doubt.detail


@pytest.mark.parametrize(
    ("skew", "turn", "dpi"),
    [(*lies, dpi) for lies in LYING for dpi in (150, 200, 300)] if LONG else LYING_ONCE,
)
def test_a_code_is_found_however_the_paper_lies(tmp_path, skew, turn, dpi):
    address = f"https://bmt.mampu.example/my/requests/{ID}"
    pages = [
        scanned(printed("application", dpi=dpi), 1, skew, turn),
        scanned(printed("cover-letter", dpi=dpi), 2, skew, turn),
        scanned(typed("Surat", address, dpi), 3, skew, turn),
        scanned(typed("Surat", dpi=dpi), 4, skew, turn),
    ]
    (tmp_path / "scan").write_bytes(batch_pdf(pages, dpi))
    assert list(scan_process.codes_of(tmp_path / "scan")) == [FORM, COVER, STATUS, None]


@pytest.fixture
def scan(tmp_path):
    """`scan(content)`: the file, as the service keeps it."""

    def scan(content):
        (file := tmp_path / "scan").write_bytes(content)
        return file

    return scan


def test_pages_are_copied_not_drawn_again(tmp_path, scan):
    pages = [printed("application"), typed("dua"), printed("termination")]
    batch = scan(batch_pdf(pages))
    found = read(batch, PDF, tmp_path)
    assert [part.pages for part in found.parts] == [(1, 2), (3,)]
    before = [page.images[0].data for page in pypdf.PdfReader(batch).pages]
    papers = [pypdf.PdfReader(file).pages for file in found.files]
    assert [page.images[0].data for pages in papers for page in pages] == before
    assert [len(pages) for pages in papers] == [2, 1]


def test_a_page_takes_no_other_papers_images_along(tmp_path, scan):
    """Some scanners list the images of all pages with each."""
    writer = pypdf.PdfWriter(BytesIO(batch_pdf([printed("application"), printed("termination")])))
    first, second = (page["/Resources"]["/XObject"] for page in writer.pages)
    names = pypdf.generic.NameObject
    shared = pypdf.generic.DictionaryObject(
        {names("/One"): first.raw_get("/image"), names("/Two"): second.raw_get("/image")}
    )
    for page, name in zip(writer.pages, (b"/One", b"/Two"), strict=True):
        page[names("/Resources")] = pypdf.generic.DictionaryObject({names("/XObject"): shared})
        content = pypdf.generic.DecodedStreamObject()
        content.set_data(page.get_contents().get_data().replace(b"/image", name))
        page[names("/Contents")] = writer._add_object(content)
    shared = BytesIO()
    writer.write(shared)
    found = read(scan(shared.getvalue()), PDF, tmp_path)
    images = [list(pypdf.PdfReader(f).pages[0]["/Resources"]["/XObject"]) for f in found.files]
    assert images == [["/One"], ["/Two"]]


def test_a_scan_without_codes_is_one_paper_as_it_came(tmp_path, scan):
    batch = scan(batch_pdf([typed("satu"), typed("dua")]))
    found = read(batch, PDF, tmp_path)
    assert (found.files, found.parts) == ((batch,), (Part((1, 2), ()),))


def test_images_become_pages_pixel_by_pixel(tmp_path, scan):
    pages = [scanned(printed("application"), 1), typed("dua").convert("1")]
    found = read(scan(batch_tiff(pages)), "image/tiff", tmp_path)
    assert found.parts == (Part((1, 2), (FORM,)),)
    read_back = pypdf.PdfReader(found.files[0]).pages
    assert [page.images[0].image.convert("L").tobytes() for page in read_back] == [
        page.convert("L").tobytes() for page in pages
    ]


def _pdf(pages: int, side: float = 595, key: str = "") -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(side, side)
    if key:
        writer.encrypt(key, algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "fault"),
    [
        (b"%PDF-1.7\n% nothing", PDF, "broken"),
        (batch_pdf([typed("satu")])[:3000], PDF, "broken"),
        (_pdf(1, key=KEY), PDF, "locked with a password"),
        (_pdf(0), PDF, "no page|broken"),
        (_pdf(501), PDF, "more than 500 pages"),
        (_pdf(1, side=14400), PDF, "Page 1 is larger than A0"),
        (b"II*\x00" + bytes(100), "image/tiff", "broken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png", "broken"),
    ],
)
async def test_what_cannot_be_read_is_said_clearly(tmp_path, scan, content, kind, fault):
    with pytest.raises(FieldWrong, match=fault):
        await read_scan(scan(content), kind, tmp_path)


def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, scan, monkeypatch):
    monkeypatch.setattr("services.intake.scan_process.MOST_PIXELS", 1000)
    with pytest.raises(Unreadable, match="300 dpi"):
        read(scan(batch_tiff([typed("satu")])), "image/tiff", tmp_path)


def test_cover_sheets_alone_are_no_paper(tmp_path, scan):
    with pytest.raises(Unreadable, match="cover sheets alone"):
        read(scan(batch_pdf([printed("cover-memo")])), PDF, tmp_path)


async def test_who_takes_too_long_is_ended(tmp_path, scan, monkeypatch):
    monkeypatch.setattr("services.intake.readers.LONGEST_SCAN_SECONDS", 0.01)
    with pytest.raises(FieldWrong, match="too long"):
        await read_scan(scan(_pdf(3)), PDF, tmp_path)
