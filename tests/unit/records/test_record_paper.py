"""The file on paper: all that happened, every folio, and where it is verified."""

import io
from dataclasses import replace
from datetime import timedelta

import bundles
import pypdfium2
import pytest
from fixtures.procedure import OFFICER, approved, configured, notified, started
from fixtures.samples import MONDAY, facts, received
from pypdf import PdfReader

from bmt.contracts.events import ConfigurationFailed, Evidence, Retried, not_read_back
from services.records.bundle import RecordPaper
from services.records.time_machine import state_of

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


STORAGE = Evidence(target="storage", connector="copyparty", read_back_at=MONDAY)

BEFORE = Evidence(target="ipms", connector="worklist", read_back_at=MONDAY)

CONFIRMED = Evidence(target="ipms", connector="worklist", confirmed_by=OFFICER, confirmed_at=MONDAY)

ELSEWHERE = Evidence(target="ipms", connector="bulk", confirmed_by=OFFICER, confirmed_at=MONDAY)

READ = Evidence(target="ipms", connector="scim", read_back_at=MONDAY)

RETRY = Retried(by=OFFICER, at=MONDAY + timedelta(hours=1), reason="IPMS is mended.")


def filed(event):
    events = (received(REQUEST), approved(REQUEST), event, notified(REQUEST, "configured"))
    return bundles.file(REQUEST.request_id, events=events)


def paper(event) -> str:
    return words(RecordPaper("", bundles.SIGNER).pdf(filed(event)))


@pytest.mark.parametrize(
    ("ipms", "by_hand"),
    [(CONFIRMED, ("ipms",)), (BEFORE, ("ipms",)), (ELSEWHERE, ("ipms",)), (READ, ())],
)
def test_the_paper_says_what_was_not_read_back(ipms, by_hand):
    event = configured(REQUEST, evidence=(STORAGE, ipms))

    assert not_read_back(event.model_dump(mode="json")) == by_hand
    assert ipms.was_read_back == (not by_hand)
    assert ("confirmed by an officer, not read back" in paper(event)) == bool(by_hand)
    told = state_of(REQUEST, [leaf.event for leaf in filed(event).leaves], None)
    assert (told.status, told.not_read_back) == ("notified", by_hand)


@pytest.mark.parametrize(
    "event",
    [
        started(REQUEST).model_copy(update={"retry": RETRY}),
        ConfigurationFailed(
            request=REQUEST, target="ipms", reason="no", retryable=True, retry=RETRY
        ),
    ],
)
def test_the_paper_says_who_tried_again_and_why(event):
    assert f"{OFFICER.name}: IPMS is mended." in paper(event)
