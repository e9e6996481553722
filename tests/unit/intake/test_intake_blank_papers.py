"""Blank papers: two languages, one page, a code, made for archives and for screen readers."""

from io import BytesIO

import pypdf
import pytest
from fixtures.scanned_paper import AGENCIES, BLANKS

from bmt.contracts.problems import Refused
from services.intake.blank_papers import BlankPapers

NAMES = ("application", "termination", "cover-memo", "cover-letter")


def read(name: str, agency: str = "MAMPU") -> pypdf.PdfReader:
    return pypdf.PdfReader(BytesIO(BLANKS.paper(name, agency).content))


def words(name: str, agency: str = "MAMPU") -> str:
    return " ".join(" ".join(page.extract_text() for page in read(name, agency).pages).split())


@pytest.mark.parametrize("name", NAMES)
def test_a_paper_is_one_page_with_the_same_bytes_every_time(name):
    first = BLANKS.paper(name, "MAMPU")
    assert len(read(name).pages) == 1
    again = BlankPapers(AGENCIES).paper(name, "MAMPU")
    assert (again.content, again.etag) == (first.content, first.etag)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_made_for_archives_and_for_screen_readers(name):
    root = read(name).trailer["/Root"]
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert root["/MarkInfo"]["/Marked"]
    assert str(root["/Lang"]) == "ms-MY"


def test_a_form_asks_for_what_a_request_holds_malay_first():
    text = words("application")
    order = [
        "UNIT PEMODENAN TADBIRAN DAN PERANCANGAN PENGURUSAN MALAYSIA",
        "BORANG PERMOHONAN",
        "BAHAGIAN A: MAKLUMAT PEMOHON",
        "1. Nama penuh Full name",
        "2. Akaun",
        "3. E-mel",
        "BAHAGIAN B",
        "paling banyak 100 GB",
        "8. Justifikasi",
        "BAHAGIAN C: PERAKUAN PEMOHON",
        "Tandatangan",
        "BAHAGIAN D: UNTUK KEGUNAAN PEJABAT",
        "bmt:form:application:MAMPU:v1",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places, [part for part, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)


def test_a_form_offers_the_answers_that_the_agency_gives():
    assert "Surat letter" in words("termination")
    assert "Surat letter" not in words("termination", "JPA")
    assert "Kuota" not in words("termination")


@pytest.mark.parametrize(
    ("name", "agency", "problem"),
    [
        ("cover-memo", "JPA", "channel_not_allowed"),
        ("cover-letter", "KPM", "channel_not_allowed"),
        ("application", "XYZ", "validation_failed"),
    ],
)
def test_only_papers_that_the_agency_receives_are_printed(name, agency, problem):
    with pytest.raises(Refused) as refused:
        BLANKS.paper(name, agency)
    assert refused.value.problem == problem
