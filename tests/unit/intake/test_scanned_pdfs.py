"""PDFs as scanners and offices make them: what every reader opens is opened, and shows what was drawn."""

import re
from io import BytesIO

import pypdf
import pytest
from fixtures.drawn_paper import drawn, unlike

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
