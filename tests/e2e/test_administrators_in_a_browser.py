"""The console in a real browser: in both languages, without JavaScript, and as axe sees it."""

import uuid

import pytest
from fixtures.browsing import MARKS, WAYS, clean, picture, sign_in_as
from fixtures.outside import registered
from playwright.async_api import expect

pytestmark = MARKS

WORDS = {
    "ms": {
        "approve": "Luluskan",
        "return": "Kembalikan untuk pembetulan",
        "reason": "Sebab dimaklumkan",
        "quota": "Kuota diluluskan (GB)",
        "send": "Hantar keputusan",
        "approved": "Diluluskan",
        "outcome": "Hasil keputusan",
    },
    "en": {
        "approve": "Approve",
        "return": "Return for correction",
        "reason": "Reason the applicant",
        "quota": "Quota to approve (GB)",
        "send": "Send the decision",
        "approved": "Approved",
        "outcome": "What became of the decisions",
    },
}


@WAYS
async def test_an_administrator_decides_on_one_request_and_on_many(
    new_page, caller, http, ready, language, scripts
):
    words = WORDS[language]
    admin = caller("administrator")
    one = await admin.submit(account=f"tiada.{uuid.uuid4().hex[:8]}@mygovuc.gov.my")
    many = [await admin.submit(account=await registered(http, ready)) for _ in range(2)]
    page = await new_page("approval", scripts=scripts)
    await sign_in_as(page, "Aminah")
    if language == "en":
        await page.get_by_role("link", name="English").click()
    await page.locator(f"a[href$='{one}']").click()
    await page.get_by_label(words["approve"], exact=True).check()
    await page.get_by_label(words["quota"]).fill("lots")
    await page.get_by_role("button", name=words["send"]).click()
    await expect(page.get_by_label(words["quota"])).to_have_value("lots")
    await page.get_by_label(words["quota"]).fill("2.5")
    await page.locator("[name=exception_reason]").fill("Disahkan melalui telefon.")
    await page.get_by_role("button", name=words["send"]).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(words["approved"])
    await admin.until(one, "configuration_failed", "filed", "notified", "configured", "configuring")

    await page.goto(page.url.rpartition("/requests/")[0] + "/")
    for request_id in many:
        await page.locator(f"input[value='{request_id}']").check()
    await page.get_by_label(words["reason"]).fill("Lampirkan kelulusan ketua jabatan.")
    await page.get_by_role("button", name=words["return"]).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(words["outcome"])
    await expect(page.locator(".badge.good")).to_have_count(2)
    for request_id in many:
        await admin.until(request_id, "returned")
    assert page.strangers == []


@pytest.mark.parametrize("language", ["ms", "en"])
async def test_axe_finds_nothing_in_the_console(new_page, caller, http, ready, language):
    admin = caller("administrator")
    waiting, decided = [await admin.submit(account=await registered(http, ready)) for _ in range(2)]
    await admin.decide(decided, "return", reason="Lampirkan kelulusan.")
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    pages = ready["web"]["url"]
    for name in (
        f"/console/?lang={language}",
        f"/console/requests/{waiting}",
        f"/console/requests/{decided}",
        "/console/nowhere",
    ):
        await page.goto(pages + name)
        await clean(page, name)
        if language == "ms" and "lang" in name:
            await picture(page, "pentadbir-senarai")
        if language == "ms" and waiting in name:
            await picture(page, "pentadbir-permohonan")
    await page.goto(f"{pages}/console/requests/{waiting}")
    await page.locator("input[value=reject]").check()
    await page.get_by_role("button", name=WORDS[language]["send"]).click()
    await clean(page, "a decision without its reason")
