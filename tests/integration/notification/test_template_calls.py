"""An agency's own words: read, tried out, saved, put back, and used, on real Kafka and MongoDB."""

from io import BytesIO

import pytest
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import rejected, withdrawn
from pypdf import PdfReader

pytestmark = pytest.mark.integration

REJECTED = "/v1/templates/rejected"
WHY = "Nombor telefon baharu."
JKR = ("administrator", "JKR")


def words(opening: str = "{permohonan} {keputusan} pada {tarikh}. Ruj. {rujukan}."):
    language = {"opening": opening, "onward": ["Hubungi 03-8000 8000."], "closing": ["Sekian."]}
    return {"malay": language, "english": {**language, "signatory": "Puan Siti"}}


async def version(desk, path: str, *who: str) -> int:
    return (await desk.get(path, *who)).json()["version"]


async def test_every_notice_is_listed_with_the_words_that_bmt_brings(desk):
    items = (await desk.get("/v1/templates", "administrator", "KPM")).json()["items"]
    assert [one["about"] for one in items] == [
        "acknowledgement", "approved", "rejected", "returned", "withdrawn", "configured", "terminated",
    ]  # fmt: skip
    for one in items:
        assert (one["agency"], one["version"], one["is_default"]) == ("KPM", 0, True)
        assert one["why"] is one["saved_by"] is one["saved_at"] is None
        required = [each["name"] for each in one["variables"] if each["required"]]
        assert required[:2] == ["rujukan", "keputusan"]
    first = await desk.get("/v1/templates", "administrator", "KPM", limit=4)
    cursor = first.json()["next_cursor"]
    second = await desk.get("/v1/templates", "administrator", "KPM", limit=4, cursor=cursor)
    assert first.json()["items"] + second.json()["items"] == items


async def test_words_that_are_saved_are_those_of_the_next_notice(desk):
    seen = await version(desk, REJECTED)
    body = {"words": words(), "why": WHY, "version": seen}
    saved = await desk.send("PUT", REJECTED, body, key="save-words")
    assert saved.status_code == 200, saved.text
    told = saved.json()
    assert (told["version"], told["is_default"], told["saved_by"]) == (seen + 1, False, "siti")
    assert (await desk.get(REJECTED)).json() == told
    again = await desk.send("PUT", REJECTED, body, key="save-words")
    assert again.json() == told
    assert again.headers["Idempotent-Replayed"] == "true"

    request = await desk.acknowledged()
    await desk.wire.say(rejected(request))
    receipt, outcome = await desk.mails(request, 2)
    assert "Hubungi 03-8000 8000." not in receipt.get_content()
    assert "Hubungi 03-8000 8000." in outcome.get_content()
    assert f"Ruj. {request.reference}." in outcome.get_content()
    assert "Permohonan tidak lengkap." in outcome.get_content()
    assert "Puan Siti" in outcome.get_content()

    back = {"why": "Asal", "version": seen + 1}
    restored = await desk.send("POST", f"{REJECTED}/default", back)
    assert restored.status_code == 201
    assert (restored.json()["version"], restored.json()["is_default"]) == (seen + 2, True)
    other = await desk.acknowledged()
    await desk.wire.say(rejected(other))
    _, outcome = await desk.mails(other, 2)
    assert "Hubungi 03-8000 8000." not in outcome.get_content()

    earlier = await desk.get(REJECTED, version=seen + 1)
    assert earlier.json() == told
    assert (await desk.get(REJECTED, version=0)).json()["is_default"]
    assert_problem(await desk.get(REJECTED, version=seen + 3), "not_found")


async def test_who_saves_upon_words_that_were_changed_meanwhile_is_told_so(desk):
    path = "/v1/templates/returned"
    body = {"words": words(), "why": WHY, "version": 0}
    assert (await desk.send("PUT", path, body, *JKR)).status_code == 200
    for refused in (
        await desk.send("PUT", path, body, *JKR, key="late"),
        await desk.send("PUT", path, body, *JKR, key="late"),
        await desk.send("POST", f"{path}/default", {"why": WHY, "version": 0}, *JKR),
    ):
        assert assert_problem(refused, "template_changed")["version"] == 1


async def test_an_agency_has_words_of_its_own(desk):
    path = "/v1/templates/withdrawn"
    body = {"words": words(), "why": WHY, "version": 0}
    assert (await desk.send("PUT", path, body, *JKR)).status_code == 200
    assert await version(desk, path) == 0
    request = await desk.acknowledged()
    await desk.wire.say(withdrawn(request))
    _, outcome = await desk.mails(request, 2)
    assert "Hubungi 03-8000 8000." not in outcome.get_content()


async def test_what_cannot_be_used_is_refused_by_save_and_preview_alike(desk):
    wrong = words("{gaji} {")
    saved = await desk.send("PUT", REJECTED, {"words": wrong, "why": WHY, "version": 0})
    tried = await desk.send("POST", f"{REJECTED}/preview", {"words": wrong})
    first, second = (assert_problem(each, "validation_failed") for each in (saved, tried))
    assert first["errors"] == second["errors"]
    assert pointers(first) == {
        *(f"/words/{each}" for each in ("malay", "english")),
        *(f"/words/{each}/opening" for each in ("malay", "english")),
    }


async def test_a_text_has_an_end_and_no_control_characters(desk):
    for change in (
        {"opening": "\x07"},
        {"opening": "a\nb"},
        {"opening": "x" * 1501},
        {"onward": []},
        {"closing": ["x"] * 7},
        {"subject": "x"},
    ):
        body = words()
        body["malay"] = {**body["malay"], **change}
        answer = await desk.send("PUT", REJECTED, {"words": body, "why": WHY, "version": 0})
        found = pointers(assert_problem(answer, "validation_failed"))
        assert found == {f"/words/malay/{name}" for name in change}


async def test_both_languages_and_a_reason_are_needed(desk):
    body = {"words": {"malay": words()["malay"]}, "version": 0}
    answer = await desk.send("PUT", REJECTED, body)
    assert pointers(assert_problem(answer, "validation_failed")) == {"/words/english", "/why"}


async def test_a_preview_shows_the_notice_and_saves_nothing(desk):
    path = "/v1/templates/configured"
    shown = (await desk.send("POST", f"{path}/preview", {"words": words()})).json()
    assert shown["about"] == "configured"
    assert shown["subject"].startswith("[BMT-MAMPU-2026-7K3QF9ZT] Status permohonan BMT: ")
    assert "diluluskan dan dikonfigurasikan pada 7 Januari 2026" in shown["malay"]["opening"]
    assert shown["malay"]["facts"][1] == ["Kuota storan", "10 GB (10,000,000,000 bait)"]
    assert shown["english"]["signatory"] == "Puan Siti"
    assert "Hubungi 03-8000 8000." in shown["text"]
    assert await version(desk, path) == 0
    default = (await desk.send("POST", f"{path}/preview", None)).json()
    assert "Hubungi 03-8000 8000." not in default["text"]


async def test_a_preview_on_paper_is_a_pdf(desk):
    path = "/v1/templates/terminated/preview"
    answer = await desk.send("POST", path, {"words": words()}, **{"as": "form"})
    assert answer.headers["content-type"] == "application/pdf"
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert "Hubungi 03-8000 8000." in " ".join(text.split())


async def test_a_preview_as_an_e_mail_is_the_message_itself(desk):
    answer = await desk.send("POST", f"{REJECTED}/preview", None, **{"as": "email"})
    assert answer.headers["content-type"].startswith("message/rfc822")
    assert b"Subject: [BMT-MAMPU-2026-7K3QF9ZT] " in answer.content


async def test_templates_are_their_own_agencys_administrators_business(desk):
    for who in (("operator", ""), ("auditor", "MAMPU"), ("applicant", "MAMPU")):
        assert_problem(await desk.get("/v1/templates", *who), "forbidden")
    body = {"words": words(), "why": WHY, "version": 0}
    for who in (("administrator", ""), ("administrator", "LAMA")):
        assert_problem(await desk.get("/v1/templates", *who), "not_found")
        assert_problem(await desk.get(REJECTED, *who), "not_found")
        assert_problem(await desk.send("PUT", REJECTED, body, *who), "not_found")
        assert_problem(await desk.send("POST", f"{REJECTED}/preview", None, *who), "not_found")
    assert_problem(await desk.get("/v1/templates/x"), "not_found")
    assert_problem(await desk.send("PUT", "/v1/templates/x", body), "not_found")
