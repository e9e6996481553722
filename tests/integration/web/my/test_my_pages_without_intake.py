"""While intake is down, nothing that was filled in is lost, and it is one request whatever was received."""

import re
from contextlib import contextmanager

import pytest
from my_visitors import PDF, documents_in, key_of, received, send

pytestmark = pytest.mark.integration

APPLY = "/my/new/application"
GOOD = ("surat ketua.pdf", PDF, "application/pdf")


@contextmanager
def down(services):
    """Intake does not answer."""
    intake = services.pop("intake")
    yield
    services["intake"] = intake


def key_in(page):
    return re.search(r'name="key" value="([^"]+)"', page)[1]


async def test_a_form_stands_there_again_under_its_own_key_with_what_was_attached(
    visitor, services
):
    browser = await visitor()
    refused = await send(browser, justification=" ", files=[GOOD])
    key, kept = key_in(refused.text), documents_in(refused.text)
    typed = {"key": key, "justification": "Menghantar pelan.", "quota_bytes": "3"}
    with down(services):
        answer = await send(browser, documents=kept, **typed)
    assert answer.status_code == 503
    assert "Satu bahagian sistem" in answer.text
    assert "Menghantar pelan.</textarea>" in answer.text
    assert key_in(answer.text) == key
    assert documents_in(answer.text) == kept
    first = await send(browser, documents=kept, **typed)
    again = await send(browser, documents=kept, **typed)
    assert first.status_code == 303
    assert again.headers["location"] == first.headers["location"]


async def test_no_days_are_promised_that_nobody_can_vouch_for(visitor, services):
    browser = await visitor()
    assert "3 hari bekerja (Piagam Pelanggan)" in (await browser.get(APPLY)).text
    with down(services):
        answer = await browser.get(APPLY)
    assert answer.status_code == 200
    assert "Piagam Pelanggan" not in answer.text


async def test_a_file_that_could_not_be_uploaded_is_to_be_attached_again(visitor, services):
    browser = await visitor()
    key = await key_of(browser, APPLY)
    with down(services):
        answer = await send(browser, key=key, files=[GOOD])
    assert answer.status_code == 503
    assert "Lampiran: " in answer.text
    assert 'id="documents-fault"' in answer.text
    assert await received(browser, key=key, files=[GOOD])


async def test_a_draft_is_saved_all_the_same(visitor, services):
    browser = await visitor()
    key = await key_of(browser, APPLY)
    with down(services):
        answer = await send(browser, key=key, save_draft="1", justification="Separuh siap.")
        assert answer.status_code == 303
        assert "Separuh siap." in (await browser.get(APPLY)).text


async def test_faults_that_the_form_has_by_itself_are_told(visitor, services):
    browser = await visitor()
    key = await key_of(browser, APPLY)
    with down(services):
        answer = await send(browser, key=key, quota_bytes="banyak")
    assert answer.status_code == 422
    assert 'id="quota_bytes-fault"' in answer.text


async def test_a_correction_stands_there_again(visitor, services):
    browser = await visitor()
    request_id = await received(browser, files=[GOOD])
    address = f"/my/requests/{request_id}/correction"
    form = (await browser.get(address)).text
    (reference,) = re.findall(r'name="reference" value="([^"]+)"', form)
    kept, key = documents_in(form), key_in(form)
    typed = {
        "key": key,
        "documents": kept,
        "reference": reference,
        "justification": "Dibetulkan.",
        "correction_reason": "Tersalah taip.",
    }
    with down(services):
        answer = await send(browser, address, files=[("lain.pdf", PDF, "application/pdf")], **typed)
    assert answer.status_code == 503
    assert reference in answer.text
    assert "Dibetulkan.</textarea>" in answer.text
    assert "Tersalah taip.</textarea>" in answer.text
    assert documents_in(answer.text) == kept
    assert 'id="documents-fault"' in answer.text
    assert (await send(browser, address, **typed)).status_code == 303


async def test_pages_that_show_requests_say_so(visitor, services, pages):
    browser = await visitor()
    with down(services):
        for address in ("/my/", "/my/requests/x", "/my/papers/application.pdf"):
            answer = await browser.get(address)
            assert answer.status_code == 503, address
            assert answer.headers["retry-after"]
        form = {"reference": "BMT-MAMPU-2026-ZZZZZZZZ", "code": "x"}
        assert (await browser.post("/status/", data=form)).status_code == 503
