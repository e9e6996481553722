"""The users' pages: what the API takes in is taken in here too, with nothing that was filled in lost."""

import asyncio
import re

import pytest
from eventually import eventually
from fixtures.procedure import OFFICER, approved, rejected, returned
from fixtures.samples import MONDAY
from my_visitors import PDF, documents_in, key_of, received, send

from bmt.contracts.events import Endorsement, Granted, RequestFacts
from bmt.contracts.values import Officer

pytestmark = pytest.mark.integration

HOSTILE = "<script>alert('x')</script>"


async def test_somebody_applies_with_a_document_and_sees_all_that_was_sent_and_when_it_is_answered(
    visitor,
):
    browser = await visitor()
    request_id = await received(
        browser, quota_bytes="2,5", files=[("surat ketua.pdf", PDF, "application/pdf")]
    )
    address = f"/my/requests/{request_id}"
    page = (await browser.get(f"{address}?new=1")).text
    reference = re.search(r"BMT-MAMPU-\d{4}-\w{8}", page).group(0)
    assert "Permohonan anda telah diterima." in page
    assert "sedang menunggu keputusan" in page
    for told in ("2.5 GB", "2 GB", "Menghantar lukisan.", "surat ketua.pdf", "Siti binti Ali"):
        assert told in page
    assert "Keputusan dijangka selewat-lewatnya" in page
    assert "hari bekerja" in page
    (link,) = re.findall(rf'href="({address}/documents/[^"]+)"', page)
    assert (await browser.get(link)).content == PDF
    assert (await (await visitor()).get(link)).status_code == 404
    assert (await browser.get(f"{address}/documents/sha256:{'0' * 64}")).status_code == 404
    listed = (await browser.get("/my/")).text
    assert reference in listed
    assert "Permohonan, 2.5 GB" in listed
    assert "fail terbesar 2 GB" in listed
    assert "keputusan pentadbir agensi" in listed
    assert "selewatnya" in listed
    assert "My requests" in (await browser.get("/my/?lang=en")).text


async def test_the_form_says_beforehand_what_it_is_held_to(visitor):
    page = (await (await visitor()).get("/my/new/application")).text
    for told in ("paling banyak 100 GB", "paling banyak 2 GB", "3 hari bekerja", ".docx"):
        assert told in page
    assert "fail, setiap satu sehingga 100 KB" in page
    assert "masih terbuka" not in page


async def test_a_request_that_is_still_open_is_said_before_another_is_filled_in(visitor, wire):
    browser = await visitor()
    request_id = await received(browser)
    for kind in ("application", "termination"):
        page = (await browser.get(f"/my/new/{kind}")).text
        assert "Anda sudah ada permohonan yang masih terbuka" in page
        for place in ("", "/correction", "#withdraw"):
            assert f'href="/my/requests/{request_id}{place}"' in page
    (said,) = await wire.hear("bmt.requests.v1", request_id, "RequestReceived")
    await wire.say(rejected(RequestFacts.model_validate(said.data["request"])), sequence=2)

    async def is_closed():
        assert "masih terbuka" not in (await browser.get("/my/new/application")).text

    await eventually(is_closed)
    first, second = [
        (await browser.get(f"/my/requests/{await received(browser)}")).text for _ in "12"
    ]
    told = "Tarik balik yang tidak diperlukan lagi."
    assert (told in first, told in second) == (False, True)


async def test_what_was_decided_stays_on_every_page_with_names_and_without_accounts(visitor, wire):
    browser = await visitor()
    request_id = await received(browser, quota_bytes="5")
    (said,) = await wire.hear("bmt.requests.v1", request_id, "RequestReceived")
    facts = RequestFacts.model_validate(said.data["request"])
    granted = Granted(quota_bytes=15 * 10**9, max_file_size_bytes=1_250_000_000)
    hamid = Officer(
        subject="hamid.mampu@mygovuc.gov.my", name="Hamid bin Omar", role="administrator"
    )
    first = Endorsement(level=1, endorsed_by=hamid, endorsed_at=MONDAY, approved=granted)
    said = approved(facts, approved=granted, reason="Projek besar.", endorsements=(first,))
    await wire.say(said, sequence=2)

    async def is_decided():
        page = (await browser.get(f"/my/requests/{request_id}")).text
        assert "Diluluskan, 15 GB" in page
        return page

    page = await eventually(is_decided)
    for told in ("1.25 GB", "(dipohon 5 GB)", "Projek besar.", OFFICER.name, hamid.name):
        assert told in page
    assert OFFICER.subject not in page
    assert "Perkhidmatan dijangka siap selewat-lewatnya" in page
    assert "Diluluskan, 15 GB" in (await browser.get("/my/")).text


async def test_another_language_keeps_what_was_typed_and_attached_and_what_is_wrong(visitor):
    browser = await visitor()
    asked = {"justification": " ", "quota_bytes": "101", "max_file_size_bytes": "banyak"}
    answer = await send(
        browser, "/my/new/application", keep="en", **asked, files=[GOOD[0], WRONG[0]]
    )
    assert answer.status_code == 422  # one file was refused, and nothing else is said yet
    assert [field for field, _ in listed_faults(answer.text)] == ["attached"]
    (kept,) = documents_in(answer.text)
    key = re.search(r'name="key" value="([^"]+)"', answer.text)[1]
    answer = await send(
        browser,
        "/my/new/application",
        key=key,
        documents=kept,
        keep="ms",
        was_wrong="1",
        **asked,
    )
    fields = [field for field, _ in listed_faults(answer.text)]
    assert sorted(fields) == ["justification", "max_file_size_bytes", "quota_bytes"]
    assert documents_in(answer.text) == [kept]
    assert f'name="key" value="{key}"' in answer.text
    answer = await send(browser, "/my/new/application?lang=en", key=key, keep="en", **asked)
    assert answer.status_code == 200
    assert "Apply for BMT" in answer.text
    assert 'value="101"' in answer.text
    assert "BMT-MAMPU-" not in (await browser.get("/my/")).text


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
    (kept,) = documents_in(answer.text)

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


WRONG = (
    ("virus.pdf", b"MZ not a pdf", "application/pdf"),
    ("program.exe", b"MZ", "application/x-msdownload"),
    ("kosong.pdf", b"", "application/pdf"),
    ("besar.pdf", PDF + b" " * 100_000, "application/pdf"),
    ("besar sekali.pdf", PDF + b" " * 700_000, "application/pdf"),
)
GOOD = (
    ("surat ketua.pdf", PDF + b"1", "application/pdf"),
    ("lampiran.txt", b"Senarai lukisan.", "text/plain"),
)


def listed_faults(page: str) -> list[tuple[str, str]]:
    """Each fault above the form: the field that it links to, and what it says."""
    (above,) = re.findall(r'id="faults".*?</div>', page, re.DOTALL)
    assert 'lang="en"' not in above
    told = re.findall(r'<a href="#([^"]+)">(.*?)</a>', above, re.DOTALL)
    return [(field, " ".join(re.sub(r"<[^>]+>", "", text).split())) for field, text in told]


@pytest.mark.parametrize("kind", ["application", "termination"])
async def test_a_refused_attachment_takes_no_good_one_along(visitor, kind):
    browser = await visitor()
    address = f"/my/new/{kind}"
    answer = await send(browser, address, files=[WRONG[0], GOOD[0], *WRONG[1:], GOOD[1]])
    assert answer.status_code == 422, answer.text
    assert "<title>Ralat: " in answer.text
    kept = documents_in(answer.text)
    assert len(kept) == len(GOOD)
    for name, _, _ in GOOD:
        assert re.search(rf"checked> {name} <span", answer.text)
    faults = listed_faults(answer.text)
    assert [field for field, _ in faults] == ["attached"] * len(WRONG)
    for (name, _, _), (_, told) in zip(WRONG, faults, strict=True):
        assert told.startswith(f"Lampiran: {name}: "), told
    assert "Menghantar lukisan." in answer.text
    request_id = await received(browser, address=address, documents=kept)
    said = (await browser.get(f"/my/requests/{request_id}/correction")).text
    assert documents_in(said) == kept


async def test_faults_of_all_kinds_are_told_at_once_with_links_to_their_fields(visitor):
    browser = await visitor()
    answer = await send(
        browser,
        justification=" ",
        quota_bytes="101",
        max_file_size_bytes="banyak",
        reply_through="merpati",
        files=[WRONG[1], GOOD[0]],
    )
    assert answer.status_code == 422
    fields = [field for field, _ in listed_faults(answer.text)]
    assert sorted(fields) == sorted(
        ["justification", "quota_bytes", "max_file_size_bytes", "reply_through", "attached"]
    )
    for field in fields:
        assert f'id="{field}"' in answer.text
    assert len(documents_in(answer.text)) == 1
    for typed in ("101", "banyak"):
        assert f'value="{typed}"' in answer.text


async def test_too_many_documents_are_kept_until_some_are_taken_out(visitor):
    browser = await visitor()
    files = [(f"surat {n}.pdf", PDF + str(n).encode(), "application/pdf") for n in range(7)]
    answer = await send(browser, files=files)
    assert answer.status_code == 422
    kept = documents_in(answer.text)
    assert len(kept) == 7
    assert listed_faults(answer.text) == [
        ("attached", "Lampiran: Paling banyak 5 dokumen dibenarkan: buang 2.")
    ]
    answer = await send(browser, documents=kept)
    assert answer.status_code == 422
    assert await received(browser, documents=kept[:5])


async def test_what_was_refused_is_one_request_however_often_it_is_sent_again(visitor):
    browser = await visitor()
    key = await key_of(browser, "/my/new/application")
    sent = {"key": key, "files": [WRONG[0], GOOD[0]]}
    pages = [(await send(browser, **sent)).text for _ in range(2)]
    assert documents_in(pages[0]) == documents_in(pages[1]) != []
    again = await send(browser, key=key, files=[GOOD[1]])
    assert again.status_code == 303, again.text
    (named,) = re.findall(r'name="key" value="([^"]+)"', pages[0])
    other = {"key": named, "documents": documents_in(pages[0])}
    answers = [await send(browser, **other) for _ in range(2)]
    assert len({answer.headers["location"] for answer in answers}) == 1


async def test_a_draft_keeps_the_good_files_and_tells_of_the_others(visitor):
    browser = await visitor()
    answer = await send(browser, save_draft="1", files=[WRONG[0], GOOD[0]])
    assert answer.status_code == 422
    assert "Draf disimpan pada" in answer.text
    assert len(documents_in(answer.text)) == 1
    assert documents_in((await browser.get("/my/new/application")).text) == documents_in(
        answer.text
    )


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
    request_id = await received(browser, quota_bytes="5", files=[GOOD[0]])
    (said,) = await wire.hear("bmt.requests.v1", request_id, "RequestReceived")
    facts = RequestFacts.model_validate(said.data["request"])
    await wire.say(returned(facts), sequence=2)

    async def is_returned():
        page = (await browser.get(f"/my/requests/{request_id}")).text
        assert "perlu dibetulkan" in page
        assert returned(facts).reason in page

    await eventually(is_returned)
    place = f"/my/requests/{request_id}/correction"
    form = (await browser.get(place)).text
    assert 'value="5"' in form
    assert f"<blockquote>{returned(facts).reason}</blockquote>" in form
    assert "Menghantar lukisan.</textarea>" in form
    (kept,) = documents_in(form)
    wrong = await send(browser, place, quota_bytes="101", documents=kept, files=[WRONG[0], GOOD[1]])
    assert wrong.status_code == 422
    assert sorted(field for field, _ in listed_faults(wrong.text)) == ["attached", "quota_bytes"]
    assert returned(facts).reason in wrong.text
    assert len(documents_in(wrong.text)) == 2
    answer = await send(browser, place, quota_bytes="3", justification="Kelulusan dilampirkan.")
    assert answer.status_code == 303, answer.text
    page = (await browser.get(f"/my/requests/{request_id}")).text
    assert "sedang menunggu keputusan" in page
    assert "3 GB" in page


async def test_a_request_that_is_not_decided_is_corrected(visitor, wire):
    browser = await visitor()
    request_id = await received(browser, quota_bytes="5", files=[GOOD[0]])
    address = f"/my/requests/{request_id}"
    assert f'href="{address}/correction"' in (await browser.get(address)).text
    form = (await browser.get(f"{address}/correction")).text
    assert "Ia belum diputuskan." in form
    answer = await send(
        browser,
        f"{address}/correction",
        quota_bytes="3",
        correction_reason="Tersalah taip.",
        documents=documents_in(form),
    )
    assert answer.status_code == 303, answer.text
    page = (await browser.get(address)).text
    assert "Pembetulan direkodkan" in page
    assert "Tersalah taip." in page
    _, event = await wire.hear("bmt.requests.v1", request_id, *["RequestReceived"] * 2)
    assert event.data["correction_reason"] == "Tersalah taip."
    assert event.data["while_open"]
    assert [one["filename"] for one in event.data["documents"]] == [GOOD[0][0]]


async def test_what_cannot_be_corrected_now_says_so_and_loses_nothing(visitor, approval):
    browser = await visitor()
    request_id = await received(browser)
    place = f"/my/requests/{request_id}/correction"
    silent = await send(browser, place, justification="Dibetulkan.")
    assert silent.status_code == 422
    assert [field for field, _ in listed_faults(silent.text)] == ["correction_reason"]
    approval.refuses(request_id, "unavailable", 503)
    key = await key_of(browser, place)
    why = {"justification": "Dibetulkan.", "correction_reason": "Tersalah taip."}
    away = await send(browser, place, key=key, **why)
    assert away.status_code == 503
    assert "Dibetulkan." in away.text
    assert f'value="{key}"' in away.text
    decision = {
        "decision": "approve",
        "decided_by": {"subject": "a", "name": "A", "role": "administrator"},
        "decided_at": "2026-11-24T04:00:00Z",
        "reason": None,
        "version": 2,
    }
    approval.refuses(request_id, "already_decided", decision=decision)
    late = await send(browser, place, **why)
    assert late.status_code == 409
    assert "telah diputuskan" in late.text


async def test_a_request_is_withdrawn_with_its_reason(visitor, wire):
    browser = await visitor()
    request_id = await received(browser)
    place = f"/my/requests/{request_id}"
    answer = await browser.post(place, data={"reason": " "})
    assert answer.status_code == 422
    assert 'id="reason-fault"' in answer.text
    kept = await browser.post(f"{place}?lang=en", data={"reason": "Tidak perlu", "keep": "en"})
    assert (kept.status_code, "Tidak perlu</textarea>" in kept.text) == (200, True)
    await browser.get("/my/?lang=ms")
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


async def test_a_document_that_is_not_the_visitors_is_left_out_and_said_so(visitor):
    """It may have been removed since the form, or its draft, was left."""
    browser = await visitor()
    (own,) = documents_in((await send(browser, justification=" ", files=[GOOD[0]])).text)
    other = await visitor()
    (strange,) = documents_in((await send(other, justification=" ", files=[GOOD[1]])).text)
    answer = await send(browser, documents=[strange, own])
    assert answer.status_code == 422
    assert documents_in(answer.text) == [own]
    ((field, told),) = listed_faults(answer.text)
    assert field == "attached"
    assert "tidak dapat dijumpai" in told


async def test_papers_of_the_own_agency_are_printed(visitor):
    browser = await visitor(role="role_administrator")
    listed = (await browser.get("/my/")).text
    for name in ("application", "termination", "cover-memo"):
        address = f"/my/papers/{name}.pdf"
        assert f'href="{address}"' in listed
        answer = await browser.get(address)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("inline; filename=")
        assert answer.content.startswith(b"%PDF")
    assert (await browser.get("/my/papers/nothing.pdf")).status_code == 422
    applicant = await visitor()
    assert "cover-memo" not in (await applicant.get("/my/")).text


async def test_a_list_has_no_page_that_nobody_led_to(visitor):
    answer = await (await visitor()).get("/my/", params={"cursor": "x"})
    assert answer.status_code == 422
