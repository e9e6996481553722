"""The users' pages: what the API takes in is taken in here too, with nothing that was filled in lost."""

import asyncio
import re

import pytest
from eventually import eventually
from fixtures.procedure import returned
from intake_callers import PDF
from intake_visitors import key_of, received, send

from bmt.contracts.requests import RequestFacts

pytestmark = pytest.mark.integration

HOSTILE = "<script>alert('x')</script>"


async def test_somebody_applies_with_a_document_and_keeps_the_reference(visitor):
    browser = await visitor()
    request_id = await received(
        browser, quota_bytes="2,5", files=[("surat ketua.pdf", PDF, "application/pdf")]
    )
    page = (await browser.get(f"/my/requests/{request_id}?new=1")).text
    reference = re.search(r"BMT-MAMPU-\d{4}-\w{8}", page).group(0)
    assert "Permohonan anda telah diterima." in page
    assert "2.5 GB" in page
    assert "sedang menunggu keputusan" in page
    listed = (await browser.get("/my/")).text
    assert reference in listed
    assert "My requests" in (await browser.get("/my/?lang=en")).text


async def test_all_faults_are_told_at_once_and_nothing_that_was_filled_in_is_lost(visitor):
    browser = await visitor()
    answer = await send(
        browser,
        justification=" ",
        quota_bytes="banyak",
        max_file_size_bytes="9",
        files=[("surat.pdf", PDF, "application/pdf")],
    )
    assert answer.status_code == 422
    for field in ("justification", "quota_bytes"):
        assert f'id="{field}-fault"' in answer.text
    assert 'value="banyak"' in answer.text
    (kept,) = re.findall(r'name="documents" value="([^"]+)" checked', answer.text)

    answer = await send(
        browser, justification=f"Kerana {HOSTILE}", max_file_size_bytes="9", documents=kept
    )
    assert answer.status_code == 422
    assert 'id="max_file_size_bytes-fault"' in answer.text
    assert HOSTILE not in answer.text
    assert "Kerana &lt;script&gt;" in answer.text
    answer = await send(browser, documents="doc_unknown")
    assert answer.status_code == 422
    assert 'id="documents-fault"' in answer.text
    request_id = await received(browser, documents=kept)
    assert request_id


async def test_a_document_that_is_not_what_it_says_is_named(visitor):
    browser = await visitor()
    for name, content, kind in (
        ("virus.pdf", b"MZ not a pdf", "application/pdf"),
        ("program.exe", b"MZ", "application/x-msdownload"),
        ("besar.pdf", PDF + b" " * 100_000, "application/pdf"),
    ):
        answer = await send(browser, files=[(name, content, kind)])
        assert answer.status_code in (413, 422), (name, answer.text)
        if answer.status_code == 422:
            assert name in answer.text
            assert "Menghantar lukisan." in answer.text


async def test_a_form_that_is_sent_twice_is_one_request(visitor):
    browser = await visitor()
    key = await key_of(browser, "/my/new/termination")
    answers = await asyncio.gather(
        *(send(browser, "/my/new/termination", key=key) for _ in range(3))
    )
    assert {answer.headers.get("location") for answer in answers} == {
        answers[0].headers["location"]
    }
    assert (await browser.get("/my/")).text.count("BMT-MAMPU-") == 1
    answer = await send(browser, "/my/new/termination", key=key, justification="Lain.")
    assert answer.status_code == 409
    assert "telah dihantar sebelum ini" in answer.text


async def test_a_request_that_was_returned_is_corrected(visitor, wire):
    browser = await visitor()
    request_id = await received(browser, quota_bytes="5")
    (said,) = await wire.hear("bmt.requests.v1", request_id, "RequestReceived")
    facts = RequestFacts.model_validate(said.data["request"])
    await wire.say(returned(facts), sequence=2)

    async def is_returned():
        page = (await browser.get(f"/my/requests/{request_id}")).text
        assert "perlu dibetulkan" in page
        assert returned(facts).reason in page

    await eventually(is_returned)
    place = f"/my/requests/{request_id}/correction"
    assert 'value="5"' in (await browser.get(place)).text
    answer = await send(browser, place, quota_bytes="3", justification="Kelulusan dilampirkan.")
    assert answer.status_code == 303, answer.text
    page = (await browser.get(f"/my/requests/{request_id}")).text
    assert "sedang menunggu keputusan" in page
    assert "3 GB" in page
    answer = await send(browser, place, justification="Sekali lagi.")
    assert answer.status_code == 409


async def test_a_request_is_withdrawn_with_its_reason(visitor, wire):
    browser = await visitor()
    request_id = await received(browser)
    place = f"/my/requests/{request_id}"
    answer = await browser.post(place, data={"reason": " "})
    assert answer.status_code == 422
    assert 'id="reason-fault"' in answer.text
    answer = await browser.post(place, data={"reason": "Tidak perlu lagi."})
    assert answer.status_code == 303, answer.text
    await wire.hear("bmt.requests.v1", request_id, "RequestReceived", "WithdrawalRequested")
    assert "Penarikan balik dipohon" in (await browser.get(place)).text


async def test_nobody_sees_what_is_not_theirs_an_administrator_neither(visitor):
    request_id = await received(await visitor())
    for other in (await visitor(), await visitor(role="role_administrator")):
        for address in ("", "/correction"):
            answer = await other.get(f"/my/requests/{request_id}{address}")
            assert answer.status_code == 404
        answer = await other.post(f"/my/requests/{request_id}", data={"reason": "x"})
        assert answer.status_code == 404
    auditor = await visitor(role="role_auditor")
    assert (await auditor.get("/my/")).status_code == 403


async def test_who_has_no_agency_is_told_so(visitor):
    browser = await visitor(agency="")
    answer = await send(browser)
    assert answer.status_code == 422
    assert "tidak dikaitkan dengan agensi" in answer.text
