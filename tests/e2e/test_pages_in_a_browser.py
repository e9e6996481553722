"""The auditor's pages in a real browser: in both languages, without JavaScript, by keyboard, and as axe sees them."""

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from eventually import eventually
from fixtures.outside import SECONDS
from playwright.async_api import async_playwright, expect

from bmt.verify_record import keys_from, verify

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian's is enough)"),
]

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
WORDS = {
    "ms": {
        "verify": "Sahkan fail ini",
        "valid": "Sah.",
        "download": "Muat turun fail (zip)",
        "report": "Buat laporan",
        "words": "Perkataan",
        "search": "Cari",
        "out": "Log keluar",
    },
    "en": {
        "verify": "Verify this file",
        "valid": "Valid.",
        "download": "Download the file (zip)",
        "report": "Make the report",
        "words": "Words",
        "search": "Search",
        "out": "Sign out",
    },
}

TOO_WIDE = """[...document.querySelectorAll("body *:not(.scrolls *, pre *)")]
    .filter(one => one.getBoundingClientRect().right > window.innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 120))"""
"""What a phone's user would have to scroll sideways for; tables and codes scroll by themselves."""


@pytest.fixture(scope="module")
async def chromium():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--no-proxy-server"]
        )
        yield browser
        await browser.close()


@pytest.fixture
async def new_page(chromium, ready):
    """`await new_page(scripts=False)`: a new visitor at the auditor's pages, who asks no other host."""
    contexts = []

    async def new_page(*, scripts):
        context = await chromium.new_context(
            java_script_enabled=scripts, viewport={"width": 1280, "height": 800}
        )
        contexts.append(context)
        here = (ready["services"]["records"]["url"], ready["issuer"])
        page = await context.new_page()
        page.strangers = []
        page.on(
            "request",
            lambda request: request.url.startswith(here) or page.strangers.append(request.url),
        )
        await page.goto(f"{here[0]}/audit/")
        return page

    yield new_page
    for context in contexts:
        await context.close()


@pytest.fixture(scope="module")
async def filed(ready, officers, caller):
    """A request that went all the way."""
    admin = caller("administrator")
    request_id = await admin.submit()
    await admin.decide(request_id, "approve")

    async def complete():
        record = await caller("auditor", "").get("records", f"/v1/records/{request_id}")
        assert record.json()["state"]["status"] == "filed"
        return record.json()

    return await eventually(complete, SECONDS)


async def sign_in(page):
    """As the evaluation's first person: an auditor of all agencies."""
    await page.locator("button.person").first.press("Enter")


async def clean(page, name):
    found = (await Axe().run(page, options=WCAG)).response["violations"]
    assert [(name, one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
@pytest.mark.parametrize("language", ["ms", "en"])
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
    await expect(page.get_by_role("heading", level=1)).to_contain_text(filed["state"]["reference"])
    await page.get_by_role("link", name=words["verify"]).click()
    await expect(page.get_by_text(words["valid"], exact=True)).to_be_visible()
    async with page.expect_download() as awaited:
        await page.get_by_role("link", name=words["download"]).click()
    file = tmp_path / "file.zip"
    await (await awaited.value).save_as(file)
    keys = keys_from([(Path(ready["data"]) / "records" / "ledger.vkeys").read_text()])
    assert verify(file.read_bytes(), keys).findings == []
    await page.get_by_role("button", name=words["out"]).click()
    assert page.strangers == []


@pytest.mark.parametrize("language", ["ms", "en"])
async def test_axe_finds_nothing_on_any_page(new_page, filed, language, ready):
    page = await new_page(scripts=True)
    records = ready["services"]["records"]["url"]
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
        await page.goto(records + name)
        await clean(page, name)
        await page.set_viewport_size({"width": 320, "height": 640})
        assert (name, await page.evaluate(TOO_WIDE)) == (name, [])
        await page.set_viewport_size({"width": 1280, "height": 800})
    await page.get_by_role("button", name=WORDS[language]["out"]).click()
    await clean(page, "signed out")


async def test_the_keyboard_alone_leads_to_the_content_first(new_page):
    page = await new_page(scripts=True)
    await sign_in(page)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Terus ke kandungan")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Perkataan")).to_be_focused()
