"""PDFs as scanners and offices make them: what every reader opens is opened, and shows what was drawn."""

import re
from io import BytesIO

import pypdf
import pytest
from fixtures.drawn_paper import A4, drawn, unlike
from pypdf.generic import ArrayObject, FloatObject, NameObject, NumberObject

from services.intake.papers import Unreadable
from services.intake.scan_process import read

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


def boxed(*corners: float) -> bytes:
    """The drawn paper, its MediaBox written from these corners."""

    def box(page, _):
        page[NameObject("/MediaBox")] = ArrayObject(FloatObject(each) for each in corners)

    return written(box)


def locked(algorithm: str, password: str = "") -> bytes:
    return written(
        lambda _, writer: writer.encrypt(password, "the office's own", algorithm=algorithm)
    )


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
        pytest.param(b"\n" + pdf(), id="behind a newline"),
        pytest.param(b"\xef\xbb\xbf\r\n\r\n  " + pdf(), id="behind a mark and blanks"),
        pytest.param(broken(rb"startxref\s+\d+", b"startxref\n7"), id="another xref"),
        pytest.param(broken(rb"startxref\s+\d+", b"startxref\n99999999"), id="xref behind the end"),
        pytest.param(broken(rb"xref\n0.*trailer", b"trailer"), id="no xref"),
        pytest.param(broken(rb"(\d{10}) (\d{5}) n", rb"0000000007 \2 n"), id="wrong places"),
        pytest.param(pdf()[:-20], id="cut off in its last lines"),
        pytest.param(pdf() + b"\r\n\0" * 2000, id="blanks behind the end"),
        pytest.param(boxed(A4[0], A4[1], 0, 0), id="from the upper right corner"),
        pytest.param(boxed(0, A4[1], A4[0], 0), id="from the upper left corner"),
        pytest.param(boxed(A4[0], 0, 0, A4[1]), id="from the lower right corner"),
    ],
)
def test_what_every_reader_opens_is_one_paper(whole, content):
    file, pages = whole(content)
    assert pages == 1
    assert not unlike(file)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_lies_as_its_pdf_says(whole, turned):
    def turn(page, _):
        page[NameObject("/Rotate")] = NumberObject(turned)
        page.add_transformation(pypdf.Transformation().rotate(turned).translate(*_back[turned]))
        page.mediabox.upper_right = A4[:: -1 if turned != 180 else 1]

    _back = {90: (A4[1], 0), 180: A4, 270: (0, A4[0])}
    file, _ = whole(written(turn))
    assert not unlike(file)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_opens_with_a_password_alone_says_so(whole, algorithm):
    with pytest.raises(Unreadable, match="locked with a password"):
        whole(locked(algorithm, "rahsia"))


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF", pdf()[:300]])
def test_what_nobody_can_open_is_broken(whole, content):
    with pytest.raises(Unreadable, match=r"The scan is broken|has no page"):
        whole(content)
