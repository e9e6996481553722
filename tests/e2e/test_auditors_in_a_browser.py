"""The auditor's pages in a real browser: in both languages, without JavaScript, by keyboard, and as axe sees them."""

from pathlib import Path

import pytest
from eventually import eventually
from fixtures.browsing import LANGUAGES, MARKS, clean, picture, sign_in, ways
from fixtures.outside import SECONDS, registered
from fixtures.thoroughness import only_long
from playwright.async_api import expect

from bmt.verify_record import keys_from, verify

pytestmark = MARKS

WORDS = {
    "ms": {
        "verify": "Sahkan fail ini",
        "valid": "Sah.",
        "download": "Muat turun fail (zip)",
        "words": "Perkataan",
        "search": "Cari",
        "out": "Log keluar",
        "signed out": "di sini dan di halaman log masuk agensi",
    },
    "en": {
        "verify": "Verify this file",
        "valid": "Valid.",
        "download": "Download the file (zip)",
        "words": "Words",
        "search": "Search",
        "out": "Sign out",
        "signed out": "here and at your agency's sign-in page",
    },
}


@pytest.fixture(scope="module")
async def filed(ready, http, caller):
    """A request that went all the way."""
    admin = caller("administrator")
    request_id = await admin.submit(account=await registered(http, ready))
    await admin.decide(request_id, "approve")

    async def complete():
        record = await caller("auditor", "").get("records", f"/v1/records/{request_id}")
        assert record.status_code == 200, record.text
        assert record.json()["state"]["status"] == "filed"
        return record.json()

    return await eventually(complete, SECONDS)


@ways("en", scripts=True)
async def test_an_auditor_finds_a_file_verifies_it_and_takes_it_away(
    new_page, filed, ready, language, scripts, tmp_path
):
    words = WORDS[language]
    page = await new_page(scripts=scripts)
    await sign_in(page)
    if language == "en":
        await page.get_by_role("link", name="English").click()
    await page.get_by_label(words["words"]).fill(filed["state"]["reference"])
    await page.get_by_role("button", name=words["search"], exact=True).click()
    await page.get_by_role("link", name=filed["state"]["reference"]).click()
    applicant = filed["state"]["applicant"]["name"]
    await expect(page.get_by_role("heading", level=1)).to_contain_text(applicant)
    await expect(page.get_by_role("main")).to_contain_text(filed["state"]["reference"])
    if scripts:
        await clean(page, "a file")
    await page.get_by_role("link", name=words["verify"]).click()
    await expect(page.get_by_text(words["valid"], exact=True)).to_be_visible()
    async with page.expect_download() as awaited:
        await page.get_by_role("link", name=words["download"]).click()
    file = tmp_path / "file.zip"
    await (await awaited.value).save_as(file)
    keys = keys_from([(Path(ready["data"]) / "records" / "ledger.vkeys").read_text()])
    assert verify(file.read_bytes(), keys).findings == []
    await page.get_by_role("button", name=words["out"]).click()
    await page.wait_for_url("**/account/signed-out?state=*")
    await expect(page.get_by_text(words["signed out"])).to_be_visible()
    assert page.strangers == []


@LANGUAGES
async def test_axe_finds_nothing_on_any_page(new_page, filed, language, ready):
    page = await new_page(scripts=True)
    await clean(page, "sign in")
    await sign_in(page)
    place = f"/audit/records/{filed['request_id']}"
    for name in (
        f"/audit/?lang={language}",
        f"/audit/?q=tiadalahbegini&lang={language}",
        place,
        f"{place}?version=2",
        f"{place}/verification",
        "/audit/conformance",
        f"/audit/conformance?agency={filed['state']['agency']}&from=2020-01-01&to=2090-01-01",
        "/audit/nowhere",
    ):
        await page.goto(ready["web"]["url"] + name)
        await clean(page, name)
        if language == "ms" and name in (place, f"{place}/verification"):
            await picture(page, "juruaudit-" + ("fail" if name == place else "pengesahan"))
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.get_by_role("button", name=WORDS[language]["out"]).click()
    await clean(page, "signed out")


@only_long
async def test_the_keyboard_alone_leads_to_the_content_first(new_page):
    page = await new_page(scripts=True)
    await sign_in(page)
    await page.get_by_role("heading", name="Cari fail").wait_for()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Terus ke kandungan")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Perkataan")).to_be_focused()
