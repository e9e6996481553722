"""Forms that are refused, and corrections, in a real browser: nothing is lost, and every fault leads to its field."""

from eventually import eventually
from fixtures.browsing import MARKS, clean, sign_in_as, sign_in_as_user, ways
from fixtures.outside import registered
from playwright.async_api import expect

pytestmark = MARKS

GOOD = {"name": "surat.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n% surat"}
WRONG = {"name": "palsu.pdf", "mimeType": "application/pdf", "buffer": b"MZ"}
WORDS = {
    "ms": {
        "hand in": "Hantar",
        "received": "Permohonan anda telah diterima.",
        "correct": "Betulkan permohonan ini",
        "why": "Sebab pembetulan",
        "taken": "Pembetulan anda telah diterima.",
        "corrected": "Pembetulan direkodkan",
        "in console": "Betulkan permohonan",
        "record": "Rekodkan pembetulan",
        "recorded": "Pembetulan telah direkodkan.",
        "quota": "Kuota",
        "largest": "Saiz fail terbesar",
        "at most": "Paling banyak 2 GB boleh diberikan.",
        "add": "Tambah minit",
    },
    "en": {
        "hand in": "Send",
        "received": "Your request has been received.",
        "correct": "Correct this request",
        "why": "Reason for the correction",
        "taken": "Your correction has been received.",
        "corrected": "Correction recorded",
        "in console": "Correct the request",
        "record": "Record the correction",
        "recorded": "The correction is recorded.",
        "quota": "Quota",
        "largest": "Largest file size",
        "at most": "At most 2 GB can be granted.",
        "add": "Add the minute",
    },
}


async def looked_at(page, scripts, name):
    """axe needs scripts; who has none sees the same."""
    if scripts:
        await clean(page, name)


@ways("ms", scripts=True)
async def test_a_user_mends_what_is_wrong_and_corrects_it_before_the_decision(
    new_page, account, language, scripts
):
    words = WORDS[language]
    page = await new_page("intake", scripts=scripts)
    await sign_in_as_user(page, account)
    await page.goto(f"{page.url}new/application?lang={language}")
    await page.locator("#justification").fill("Menghantar lukisan kejuruteraan.")
    await page.locator("#quota_bytes").fill("banyak")
    await page.locator("#max_file_size_bytes").fill("9")
    await page.locator("#attached").set_input_files([WRONG, GOOD])
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    faults = page.locator("#faults")
    in_order = [words["quota"], words["largest"], "palsu.pdf"]
    await expect(faults.get_by_role("listitem")).to_contain_text(in_order)
    largest = page.locator("#max_file_size_bytes-fault")
    await expect(largest).to_have_text(words["at most"])
    await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await looked_at(page, scripts, "refused form")
    await faults.get_by_role("link", name=words["quota"]).click()
    assert page.url.endswith("#quota_bytes")
    await page.locator("#quota_bytes").fill("5")
    await page.locator("#max_file_size_bytes").fill("2")
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    await expect(page.get_by_text(words["received"])).to_be_visible()
    await page.get_by_role("link", name=words["correct"]).click()
    await expect(page.locator("#quota_bytes")).to_have_value("5")
    await expect(page.locator("#justification")).to_have_value("Menghantar lukisan kejuruteraan.")
    await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await looked_at(page, scripts, "correction")
    await page.locator("#quota_bytes").fill("3")
    await page.get_by_label(words["why"]).fill("Tersalah taip.")
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(words["taken"])
    await expect(page.get_by_text(words["corrected"])).to_be_visible()
    await expect(page.get_by_text("Tersalah taip.")).to_be_visible()
    await expect(page.get_by_text("3 GB", exact=True)).to_be_visible()


@ways()
async def test_an_administrator_corrects_a_request_and_sees_what_it_was(
    new_page, language, scripts, caller, http, ready
):
    words = WORDS[language]
    account = await registered(http, ready)
    request_id = await caller("administrator", "MAMPU").submit(account=account)
    page = await new_page("approval", scripts=scripts)
    await sign_in_as(page, "Aminah")
    address = f"{page.url}requests/{request_id}"
    await page.goto(f"{address}?lang={language}")
    await page.locator("#text").fill("Semak nama.")
    await page.locator("#attached").set_input_files([WRONG, GOOD])
    await page.get_by_role("button", name=words["add"]).click()
    await expect(page.locator("#faults")).to_contain_text("palsu.pdf")
    await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await expect(page.locator("#text")).to_have_value("Semak nama.")
    await looked_at(page, scripts, "refused comment")
    await page.get_by_role("button", name=words["add"]).click()
    await expect(page.get_by_role("link", name="surat.pdf")).to_be_visible()

    await page.get_by_role("link", name=words["in console"]).click()
    await expect(page.locator("#account")).to_have_value(account)
    await page.locator("#name").fill("Siti Nurhaliza binti Ahmed")
    await page.locator("#quota_bytes").fill("5")
    await page.locator("#email").fill("bukan alamat")
    await page.get_by_label(words["why"]).fill("Nama tersalah taip.")
    await page.locator("#attached").set_input_files([WRONG, GOOD])
    await page.get_by_role("button", name=words["record"]).click()
    await expect(page.locator("#faults").get_by_role("listitem")).to_have_count(2)
    await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await looked_at(page, scripts, "refused correction")
    await page.locator("#email").fill(account)
    await page.get_by_role("button", name=words["record"]).click()
    await expect(page.get_by_text(words["recorded"])).to_be_visible()
    await expect(page.locator("h1")).to_contain_text("Siti Nurhaliza binti Ahmed")

    async def shown():
        await page.goto(address)
        await expect(page.get_by_text("Siti Nurhaliza binti Ahmad")).to_be_visible(timeout=500)

    await eventually(shown)
    await expect(page.get_by_text("Nama tersalah taip.")).to_be_visible()
    await expect(page.locator("ins", has_text="Siti Nurhaliza binti Ahmed")).to_be_visible()
    await looked_at(page, scripts, "corrected request")
