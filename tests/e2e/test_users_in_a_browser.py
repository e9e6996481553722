"""The users' pages in a real browser: in both languages, without JavaScript, and as axe sees them."""

import pytest
from fixtures.browsing import MARKS, WAYS, clean, picture, sign_in_as
from playwright.async_api import expect

pytestmark = MARKS

WORDS = {
    "ms": {
        "why": "Justifikasi",
        "hand in": "Hantar",
        "received": "Permohonan anda telah diterima.",
        "withdraw": "Tarik balik",
        "plain reason": "Sebab",
    },
    "en": {
        "why": "Justification",
        "hand in": "Send",
        "received": "Your request has been received.",
        "withdraw": "Withdraw",
        "plain reason": "Reason",
    },
}


@WAYS
async def test_a_user_applies_with_a_document_sees_where_it_is_and_withdraws_it(
    new_page, language, scripts
):
    words = WORDS[language]
    page = await new_page("intake", scripts=scripts)
    await sign_in_as(page, "Siti")
    here = page.url
    await page.goto(f"{here}new/application?lang={language}")
    await page.get_by_label(words["why"]).fill("Menghantar lukisan kejuruteraan.")
    await page.locator("#quota_bytes").fill("banyak")
    await page.locator("#attached").set_input_files(
        {"name": "surat.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n% surat"}
    )
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    await expect(page.locator("#quota_bytes-fault")).to_be_visible()
    await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await page.locator("#quota_bytes").fill("5")
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    await expect(page.get_by_text(words["received"])).to_be_visible()
    await page.get_by_label(words["plain reason"]).fill("Tidak perlu lagi.")
    await page.get_by_role("button", name=words["withdraw"], exact=True).click()
    await expect(page.get_by_text("Tidak perlu lagi.").first).to_be_visible()
    assert page.strangers == []


@pytest.mark.parametrize("language", ["ms", "en"])
async def test_axe_finds_nothing_on_the_users_pages(new_page, language):
    page = await new_page("intake", scripts=True)
    await sign_in_as(page, "Siti")
    here = page.url
    for name in (f"?lang={language}", "new/application", "new/termination", "nowhere"):
        await page.goto(here + name)
        await clean(page, name)
    await page.goto(f"{here}new/application")
    await page.locator("#justification").fill("x")
    await page.locator("#quota_bytes").fill("banyak")
    await page.get_by_role("button", name=WORDS[language]["hand in"], exact=True).click()
    await clean(page, "a form with faults")
    if language == "ms":
        await picture(page, "pengguna-borang")
    await page.locator("#quota_bytes").fill("5")
    await page.get_by_role("button", name=WORDS[language]["hand in"], exact=True).click()
    await clean(page, "a receipt")
    if language == "ms":
        await picture(page, "pengguna-resit")
