"""The file on paper: all that happened, every folio, and where it is verified."""

import io

import bundles
from fixtures.procedure import approved, configured, notified
from fixtures.samples import facts, received
from pypdf import PdfReader

from services.records.bundle.paper import RecordPaper

PRESS = RecordPaper("https://records.example.gov.my/", bundles.SIGNER)
REQUEST = facts()


def told(closed=()):
    events = (
        received(REQUEST),
        approved(REQUEST, exception_reason="Disahkan."),
        configured(REQUEST),
        notified(REQUEST, "configured"),
    )
    return bundles.file(REQUEST.request_id, events=events, closed=closed)


def words(pdf):
    reader = PdfReader(io.BytesIO(pdf))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_paper_tells_the_file_in_malay_and_english():
    text = words(PRESS.pdf(told()))
    for said in (
        "FAIL MAMPU.BMT.600-1/2/17",
        REQUEST.reference,
        REQUEST.applicant.name,
        "Permohonan diterima",
        "approved",
        "Dikonfigurasi",
        "user notified",
        "surat-1.pdf",
        "Titik semak",
        "bmt.records+",
    ):
        assert said in text, said
    address = f"https://records.example.gov.my/audit/records/{REQUEST.request_id}/verification"
    assert address in text.replace(" ", "")


def test_where_there_are_no_pages_the_paper_leads_to_none():
    text = words(RecordPaper("", bundles.SIGNER).pdf(told()))
    assert "Titik semak" in text
    assert "/audit/" not in text


def test_the_same_file_is_the_same_paper():
    file = told()
    assert PRESS.pdf(file) == PRESS.pdf(file)


def test_what_was_disposed_of_is_on_no_paper():
    text = words(PRESS.pdf(told(closed=(0, 1, 2, 3))))
    assert REQUEST.applicant.name not in text
    assert "disposed-of" in text
