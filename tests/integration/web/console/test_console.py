"""The administrators' console: what the API decides is decided here too, with nothing that was typed lost."""

import asyncio
import re

import pytest
from fixtures.samples import APPLICANT

pytestmark = pytest.mark.integration

SITI = {"account": "siti", "name": "Siti", "agency": "MAMPU", "role_administrator": "on"}
AMINAH = {**SITI, "account": "aminah", "name": "Aminah"}
OF_JPA = {**SITI, "account": "wan", "agency": "JPA"}
AUDITOR = {**SITI, "account": "juruaudit", "role_administrator": "", "role_auditor": "on"}
HOSTILE = "<script>alert('x')</script>"


async def form_of(browser, address):
    """The page, and what its form holds unseen."""
    answer = await browser.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text, re.search(r'name="key" value="([^"]+)"', answer.text).group(1)


async def decided(browser, request, **fields):
    place = f"/console/requests/{request.request_id}"
    _, key = await form_of(browser, place)
    return await browser.post(place, data={"key": key, **fields})


async def test_the_worklist_has_what_waits_in_this_agency_alone(office, desk):
    request = await office.receives(applicant=APPLICANT.model_copy(update={"name": HOSTILE}))
    other = await office.receives(agency="JPA")
    browser = await desk()
    text = (await browser.get("/console/")).text
    assert request.reference in text
    assert f'href="/console/requests/{request.request_id}"' in text
    assert HOSTILE not in text
    assert other.request_id not in text
    assert "menunggu keputusan" in text
    assert (await browser.get(f"/console/requests/{other.request_id}")).status_code == 404
    assert "Worklist" in (await browser.get("/console/", params={"lang": "en"})).text
    assert (await desk(AUDITOR)).headers  # signs in, and is told that the role is missing
    assert (await (await desk(AUDITOR)).get("/console/")).status_code == 403


async def test_a_request_is_approved_with_less_than_was_asked(office, desk):
    request = await office.receives()
    browser = await desk()
    answer = await decided(
        browser, request, decision="approve", quota_bytes="2.5", max_file_size_bytes="1"
    )
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/console/requests/{request.request_id}?decided=1"
    shown = await office.shows(request, "approved")
    assert shown["decision"]["approved"] == {
        "quota_bytes": 2_500_000_000,
        "max_file_size_bytes": 1_000_000_000,
    }
    assert shown["decision"]["decided_by"]["subject"] == "siti"
    text = (await browser.get(answer.headers["location"])).text
    assert "Diluluskan" in text
    assert "2.5 GB" in text
    assert "Hantar keputusan" not in text


async def test_what_was_typed_stays_when_something_is_wrong(office, desk):
    request = await office.receives(warnings=("already_active",))
    browser = await desk()
    typed = {"decision": "approve", "reason": f"Sebab {HOSTILE}", "quota_bytes": "banyak"}
    answer = await decided(browser, request, **typed)
    assert answer.status_code == 422
    assert 'id="quota_bytes-fault"' in answer.text
    assert 'value="banyak"' in answer.text
    assert "Sebab &lt;script&gt;" in answer.text
    assert re.search(r'value="approve" checked', answer.text)

    answer = await decided(browser, request, **{**typed, "quota_bytes": "1"})
    assert answer.status_code == 422
    assert "Permohonan ini mempunyai amaran" in answer.text
    answer = await decided(browser, request, decision="return", reason=" ")
    assert 'id="reason-fault"' in answer.text
    await office.shows(request, "received")
    answer = await decided(
        browser, request, **{**typed, "quota_bytes": "1"}, exception_reason="Ya."
    )
    assert answer.status_code == 303
    await office.shows(request, "approved")


async def test_a_form_that_is_sent_twice_is_one_decision_and_another_one_is_none(office, desk):
    request = await office.receives()
    browser = await desk()
    place = f"/console/requests/{request.request_id}"
    _, key = await form_of(browser, place)
    sent = {"key": key, "decision": "return", "reason": "Lampirkan kelulusan."}
    answers = await asyncio.gather(*(browser.post(place, data=sent) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len((await office.shows(request, "returned"))["history"]) == 2
    answer = await browser.post(place, data={**sent, "reason": "Lain."})
    assert answer.status_code == 409
    assert "Borang ini telah dihantar sebelum ini" in answer.text


async def test_of_two_administrators_the_second_sees_the_decision_of_the_first(office, desk):
    request = await office.receives()
    siti, aminah = await desk(SITI), await desk(AMINAH)
    await form_of(aminah, f"/console/requests/{request.request_id}")
    _, key = await form_of(aminah, f"/console/requests/{request.request_id}")
    assert (await decided(siti, request, decision="approve")).status_code == 303
    answer = await aminah.post(
        f"/console/requests/{request.request_id}",
        data={"key": key, "decision": "reject", "reason": "Tidak perlu."},
    )
    assert answer.status_code == 409
    assert "Permohonan ini telah diputuskan" in answer.text
    assert "Siti" in answer.text
    assert "Hantar keputusan" not in answer.text
    await office.shows(request, "approved")


@pytest.mark.parametrize("account", ["siti", "SITI"])
async def test_nobody_decides_on_their_own_request(office, desk, account):
    request = await office.receives(applicant=APPLICANT.model_copy(update={"account": account}))
    browser = await desk()
    text = (await browser.get(f"/console/requests/{request.request_id}")).text
    assert "milik anda sendiri" in text
    assert "Hantar keputusan" not in text
    answer = await browser.post(
        f"/console/requests/{request.request_id}", data={"decision": "approve"}
    )
    assert answer.status_code == 403
    await office.shows(request, "received")


async def test_many_are_decided_at_once_each_by_itself(office, desk):
    plain = [await office.receives() for _ in range(2)]
    warned = await office.receives(warnings=("not_serving",))
    browser = await desk()
    _, key = await form_of(browser, "/console/?limit=200")
    chosen = [one.request_id for one in (*plain, warned)]
    sent = {"key": key, "decision": "approve", "chosen": chosen}
    answer = await browser.post("/console/", data=sent)
    assert answer.status_code == 200, answer.text
    assert answer.text.count('badge good">Diluluskan') == 2
    assert answer.text.count("Ada amaran: buka melalui namanya") == 1
    for one in plain:
        await office.shows(one, "approved")
    await office.shows(warned, "received")
    again = await browser.post("/console/", data=sent)
    assert again.text.count('badge good">Diluluskan') == 2
    answer = await browser.post(
        "/console/", data={"decision": "reject", "chosen": [warned.request_id]}
    )
    assert answer.status_code == 200
    assert "Ada yang perlu dibetulkan" in answer.text
    none = await browser.post("/console/", data={"decision": "approve"})
    assert none.status_code == 422
    assert "Pilih sekurang-kurangnya satu permohonan." in none.text


@pytest.mark.parametrize(
    "chosen", [["x" * 65], [f"req_{number}" for number in range(501)]], ids=["no id", "too many"]
)
async def test_chosen_requests_that_cannot_be_decided_at_once_are_refused_as_a_whole(
    office, desk, chosen
):
    request = await office.receives()
    browser = await desk()
    sent = {"decision": "approve", "chosen": [request.request_id, *chosen]}
    answer = await browser.post("/console/", data=sent)
    assert answer.status_code == 422
    assert "Ada yang perlu dibetulkan" in answer.text
    assert request.reference in answer.text
    await office.shows(request, "received")


async def test_a_document_that_the_request_does_not_name_is_not_found(office, desk):
    request = await office.receives()
    browser = await desk()
    place = f"/console/requests/{request.request_id}/documents"
    assert (await browser.get(f"{place}/doc_unknown")).status_code == 404


async def test_whose_session_ended_meanwhile_keeps_what_was_decided_and_nothing_is_done_yet(
    office, desk
):
    request = await office.receives()
    browser = await desk()
    place = f"/console/requests/{request.request_id}"
    _, key = await form_of(browser, place)
    browser.cookies.clear()
    answer = await browser.post(
        place,
        data={"key": key, "decision": "approve", "reason": "Lengkap & betul."},
    )
    assert answer.status_code == 401
    for name, text in (("key", key), ("decision", "approve"), ("reason", "Lengkap &amp; betul.")):
        assert f'<input type="hidden" name="{name}" value="{text}">' in answer.text
    await office.shows(request, "received")


async def test_what_is_told_while_a_page_is_open_ends_with_the_session(desk):
    browser = await desk()
    since = {"since": "2090-01-01T00:00:00Z"}
    stream = asyncio.create_task(browser.get("/console/live", params=since))
    other = asyncio.create_task((await desk(AMINAH)).get("/console/live", params=since))
    await asyncio.wait([stream], timeout=0.5)
    assert not stream.done()
    answer = await browser.post("/account/logout")
    assert answer.status_code == 303
    assert (await asyncio.wait_for(stream, 10)).status_code == 200
    assert not other.done()
    other.cancel()


async def test_a_form_that_is_too_large_is_refused(office, desk):
    request = await office.receives()
    browser = await desk()
    answer = await decided(browser, request, decision="return", reason="x" * 2_000_000)
    assert answer.status_code == 413
    await office.shows(request, "received")
