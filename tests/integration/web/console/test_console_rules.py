"""The console of an agency with rules of its own: approvals in turn, reasons at hand, comments, and the rules in words."""

import re

import pytest
from fixtures.agencies import acting, written
from fixtures.samples import APPLICANT

pytestmark = pytest.mark.integration

SITI = {"account": "siti", "name": "Siti", "agency": "MAMPU", "role_administrator": "on"}
AMINAH = {**SITI, "account": "aminah", "name": "Aminah"}
HOSTILE = "<script>alert('x')</script>"
CHANGED = {"by": "Siti binti Ali", "on": acting("x", "y")["from"], "why": "Arahan 7/2026"}


@pytest.fixture(scope="module")
def agencies_file(tmp_path_factory):
    return written(
        tmp_path_factory.mktemp("rules") / "agencies.yaml",
        approval_levels=2,
        acting=[
            acting("siti", "Pengarah ICT", until=1),
            acting("aminah", "Ketua Setiausaha", since=-9, until=-1),
        ],
        prepared_reasons={
            "reject": ["Tidak layak."],
            "return": [f"Borang kosong {HOSTILE}"],
            "exception": ["Disahkan oleh ketua."],
        },
        changed=CHANGED,
    )


def place(request):
    return f"/console/requests/{request.request_id}"


async def decided(browser, request, **fields):
    text = (await browser.get(place(request))).text
    key = re.search(r'name="key" value="([^"]+)"', text).group(1)
    return await browser.post(place(request), data={"key": key, **fields})


async def test_two_administrators_approve_one_after_the_other(office, desk):
    request = await office.receives()
    siti, aminah = await desk(SITI), await desk(AMINAH)
    assert "0 daripada 2 kelulusan" in (await siti.get(place(request))).text
    answer = await decided(siti, request, decision="approve", quota_bytes="5")
    assert answer.status_code == 303, answer.text
    text = (await aminah.get(place(request))).text
    assert "1 daripada 2 kelulusan" in text
    assert "<strong>Siti</strong>" in text
    assert 'id="quota_bytes" name="quota_bytes" value="5"' in text
    listed = (await aminah.get("/console/", params={"limit": 200})).text
    assert "1 daripada 2 kelulusan" in listed

    answer = await decided(siti, request, decision="approve")
    assert answer.status_code == 403
    assert "1 daripada 2 kelulusan telah diberikan, satu daripadanya oleh anda" in answer.text
    assert (await decided(aminah, request, decision="approve", quota_bytes="5")).status_code == 303
    shown = await office.shows(request, "approved")
    assert shown["decision"]["approved"]["quota_bytes"] == 5_000_000_000
    assert "Kelulusan 1 daripada 2" in (await siti.get(place(request))).text


async def test_many_are_endorsed_at_once(office, desk):
    requests = [await office.receives() for _ in range(2)]
    sent = {"decision": "approve", "chosen": [one.request_id for one in requests]}
    answer = await (await desk()).post("/console/", data=sent)
    assert answer.text.count("Luluskan: 1 daripada 2 kelulusan") == 2


async def test_a_prepared_reason_goes_before_ones_own_words(office, desk):
    request = await office.receives()
    browser = await desk()
    text = (await browser.get(place(request))).text
    assert "<option >Tidak layak.</option>" in text
    assert HOSTILE not in text
    answer = await decided(
        browser, request, decision="reject", prepared_reason="Tidak layak.", reason="Bukan staf."
    )
    assert answer.status_code == 303
    shown = await office.shows(request, "rejected")
    assert shown["decision"]["reason"] == "Tidak layak.\nBukan staf."


async def test_a_prepared_reason_alone_is_enough_for_an_exception_and_is_not_lost(office, desk):
    request = await office.receives(warnings=("not_serving",))
    browser = await desk()
    told = {"decision": "approve", "prepared_exception": "Disahkan oleh ketua."}
    answer = await decided(browser, request, quota_bytes="banyak", **told)
    assert answer.status_code == 422
    assert "<option selected>Disahkan oleh ketua.</option>" in answer.text
    assert (await decided(browser, request, **told)).status_code == 303
    shown = await office.shows(request, "received")
    assert shown["endorsements"][0]["exception_reason"] == "Disahkan oleh ketua."


async def test_an_officer_chooses_for_whom_they_act_among_todays_appointments(office, desk):
    request = await office.receives()
    siti, aminah = await desk(SITI), await desk(AMINAH)
    assert '<option value="Pengarah ICT"' in (await siti.get(place(request))).text
    text = (await aminah.get(place(request))).text
    assert '<select id="on_behalf_of"' in text
    assert "Ketua Setiausaha" not in text
    answer = await decided(aminah, request, decision="approve", on_behalf_of="Ketua Setiausaha")
    assert answer.status_code == 422
    assert 'id="on_behalf_of-fault"' in answer.text
    answer = await decided(siti, request, decision="approve", on_behalf_of="Pengarah ICT")
    assert answer.status_code == 303
    assert "bertindak bagi pihak Pengarah ICT" in (await siti.get(place(request))).text


async def test_a_comment_stands_in_the_history_for_colleagues_and_not_for_the_applicant(
    office, desk
):
    request = await office.receives(applicant=APPLICANT.model_copy(update={"account": "aminah"}))
    siti, aminah = await desk(SITI), await desk(AMINAH)
    sent = {"key": "minit-1", "text": f"Sila semak {HOSTILE}\r\nSegera."}
    for _ in range(2):
        answer = await siti.post(f"{place(request)}/comments", data=sent)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == f"{place(request)}#comments"
    text = (await siti.get(place(request))).text
    assert text.count("Sila semak &lt;script&gt;") == 1
    shown = await office.shows(request, "received")
    assert [one["text"] for one in shown["comments"]] == [f"Sila semak {HOSTILE}\nSegera."]
    own = (await aminah.get(place(request))).text
    assert "Sila semak" not in own
    assert "Tambah minit" not in own
    assert (await aminah.post(f"{place(request)}/comments", data=sent)).status_code == 403


async def test_a_comment_that_is_not_taken_stays_in_its_form(office, desk):
    request = await office.receives()
    browser = await desk()
    answer = await browser.post(f"{place(request)}/comments", data={"text": "x" * 5001})
    assert answer.status_code == 422
    assert "x" * 5001 in answer.text
    assert 'aria-describedby="faults"' in answer.text
    assert (await browser.get(f"{place(request)}/comments")).status_code == 303
    unknown = await browser.get(f"{place(request)}/comments/documents/sha256:{'0' * 64}")
    assert unknown.status_code == 404
    sent = {"key": "minit-2", "text": "Satu."}
    assert (await browser.post(f"{place(request)}/comments", data=sent)).status_code == 303
    sent["text"] = "Dua."
    assert (await browser.post(f"{place(request)}/comments", data=sent)).status_code == 409


async def test_the_rules_are_told_in_words_with_who_changed_them(office, desk):
    browser = await desk()
    assert (await browser.get("/console/rules")).headers["location"] == "/console/agency/"
    text = (await browser.get("/console/agency/")).text
    assert "Dua pentadbir yang berlainan" in text
    assert "siti bagi pihak Pengarah ICT" in text
    assert "Tidak layak." in text
    assert HOSTILE not in text
    assert "Diubah oleh Siti binti Ali" in text
    assert "Arahan 7/2026" in text
    assert 'aria-current="page">Peraturan agensi' in text
    assert "/console/agency/change" not in text
    assert (await browser.get("/console/agency/change")).status_code == 403
    assert "Agency&#39;s rules" in (await browser.get("/console/agency/?lang=en")).text
    stranger = await desk({**SITI, "account": "lama", "agency": "LAMA"})
    assert (await stranger.get("/console/agency/")).status_code == 404
