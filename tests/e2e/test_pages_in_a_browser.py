"""The pages in a real browser: in both languages, without JavaScript, by keyboard, and as axe sees them."""

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
        "approve": "Luluskan",
        "return": "Kembalikan untuk pembetulan",
        "reason": "Sebab dimaklumkan",
        "quota": "Kuota diluluskan (GB)",
        "send": "Hantar keputusan",
        "approved": "Diluluskan",
        "outcome": "Hasil keputusan",
    },
    "en": {
        "verify": "Verify this file",
        "valid": "Valid.",
        "download": "Download the file (zip)",
        "report": "Make the report",
        "words": "Words",
        "search": "Search",
        "out": "Sign out",
        "approve": "Approve",
        "return": "Return for correction",
        "reason": "Reason the applicant",
        "quota": "Quota to approve (GB)",
        "send": "Send the decision",
        "approved": "Approved",
        "outcome": "What became of the decisions",
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
    """`await new_page(scripts=False)`: a new visitor at a service's pages, who asks no other host."""
    contexts = []

    async def new_page(service="records", *, scripts):
        context = await chromium.new_context(
            java_script_enabled=scripts, viewport={"width": 1280, "height": 800}
        )
        contexts.append(context)
        here = (ready["services"][service]["url"], ready["issuer"])
        page = await context.new_page()
        page.strangers = []
        page.on(
            "request",
            lambda request: request.url.startswith(here) or page.strangers.append(request.url),
        )
        await page.goto(here[0] + {"records": "/audit/", "approval": "/console/"}[service])
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


async def sign_in_as(page, name):
    await page.get_by_role("button", name=name).press("Enter")


async def clean(page, name):
    """axe finds nothing, and a phone's user need not scroll sideways."""
    await page.set_viewport_size({"width": 1280, "height": 800})
    found = (await Axe().run(page, options=WCAG)).response["violations"]
    assert [(name, one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
    await page.set_viewport_size({"width": 320, "height": 640})
    assert (name, await page.evaluate(TOO_WIDE)) == (name, [])


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


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
@pytest.mark.parametrize("language", ["ms", "en"])
async def test_an_administrator_decides_on_one_request_and_on_many(
    new_page, caller, language, scripts
):
    words = WORDS[language]
    admin = caller("administrator")
    one, *many = [await admin.submit() for _ in range(3)]
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
    await admin.until(one, "filed", "notified", "configured")

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
async def test_axe_finds_nothing_in_the_console(new_page, caller, ready, language):
    admin = caller("administrator")
    waiting, decided = [await admin.submit() for _ in range(2)]
    await admin.decide(decided, "return", reason="Lampirkan kelulusan.")
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    approval = ready["services"]["approval"]["url"]
    for name in (
        f"/console/?lang={language}",
        f"/console/requests/{waiting}",
        f"/console/requests/{decided}",
        "/console/nowhere",
    ):
        await page.goto(approval + name)
        await clean(page, name)
    await page.goto(f"{approval}/console/requests/{waiting}")
    await page.locator("input[value=reject]").check()
    await page.get_by_role("button", name=WORDS[language]["send"]).click()
    await clean(page, "a decision without its reason")
