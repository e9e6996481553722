"""The file on paper: all that happened, every folio, and where it is verified."""

import io
from dataclasses import replace

import bundles
import pypdfium2
from fixtures.procedure import approved, configured, notified
from fixtures.samples import facts, received
from pypdf import PdfReader

from services.records.bundle import RecordPaper

PRESS = RecordPaper("https://bmt.example.gov.my/", bundles.SIGNER)
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
    address = f"https://bmt.example.gov.my/audit/records/{REQUEST.request_id}/verification"
    assert address in text.replace(" ", "")


def test_documents_of_any_name_are_told_within_their_column():
    """A name of 196 letters without a blank does not run over the hash beside it."""
    file = told()
    names = ("n" * 196 + ".pdf", "办公用品预约 கடிதம்.pdf")
    folios = tuple(
        folio.model_copy(update={"filename": name})
        for folio, name in zip(file.folios, names, strict=True)
    )
    with pypdfium2.PdfDocument(PRESS.pdf(replace(file, folios=folios))) as document:
        text = document[0].get_textpage()
        written = text.get_text_range()
        hashed = written.index(folios[1].document_id.removeprefix("sha256:"))
        name = range(written.index("nnnn"), hashed)
        ends = [text.get_charbox(n)[2] for n in name if written[n] == "n"]
        assert max(ends) < text.get_charbox(hashed)[0]
    assert names[1].partition(" ")[0] in written
    assert "□" not in written


def test_where_there_are_no_pages_the_paper_leads_to_none():
    text = words(RecordPaper("", bundles.SIGNER).pdf(told()))
    assert "Titik semak" in text
    assert "/audit/" not in text


def test_what_was_disposed_of_is_on_no_paper():
    text = words(PRESS.pdf(told(closed=(0, 1, 2, 3))))
    assert REQUEST.applicant.name not in text
    assert "disposed-of" in text
