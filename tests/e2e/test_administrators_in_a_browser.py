"""The console in a real browser: in both languages, without JavaScript, and as axe sees it."""

import mailbox
import uuid

from eventually import eventually
from fixtures.browsing import LANGUAGES, MARKS, clean, picture, sign_in_as, ways
from fixtures.outside import registered
from fixtures.thoroughness import only_long
from playwright.async_api import expect

from evaluation.mail import REFUSED

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
        "take": "Saya ambil permohonan ini",
        "take all": "Ambil",
        "release": "Lepaskan",
        "first": "terlebih dahulu",
    },
    "en": {
        "approve": "Approve",
        "return": "Return for correction",
        "reason": "Reason the applicant",
        "quota": "Quota to approve (GB)",
        "send": "Send the decision",
        "approved": "Approved",
        "outcome": "What became of the decisions",
        "take": "I take this request",
        "take all": "Take",
        "release": "Release",
        "first": "took this first",
    },
}


@ways()
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
    await expect(page.locator("#heading")).to_contain_text(words["approved"])
    await admin.until(one, "configuration_failed")
    await page.goto(f"{ready['web']['url']}/console/requests/{one}")
    await page.locator("#retry_reason").fill(f"Akaun sedang didaftarkan: {one}.")
    await page.locator("button[value=tell]").click()
    await page.wait_for_url("**retried=1")

    def told():
        every = mailbox.Maildir(ready["mail"]["maildir"], create=False)
        texts = [message.get_payload(decode=True).decode() for message in every]
        assert any(f"Akaun sedang didaftarkan: {one}." in text for text in texts)

    await eventually(told, 30)

    newest = f"{ready['web']['url']}/console/?order=received_at&descending=1"
    large = await admin.submit(account=await registered(http, ready), quota_bytes=20 * 10**9)
    await page.goto(newest)
    await page.locator(f"input[value='{large}']").check()
    for asked in (True, False):
        await page.locator(".bulk button[value=approve]").click()
        await expect(page.locator("#once-more")).to_have_count(int(asked))
    await expect(page.locator("#results .badge.good")).to_have_count(1)

    await page.goto(newest)
    for request_id in many:
        await page.locator(f"input[value='{request_id}']").check()
    await page.get_by_label(words["reason"]).fill("Lampirkan kelulusan ketua jabatan.")
    await page.get_by_role("button", name=words["return"]).click()
    await expect(page.locator("#outcome")).to_have_text(words["outcome"])
    await expect(page.locator("#results .badge.good")).to_have_count(2)
    for request_id in many:
        await admin.until(request_id, "returned")
    assert page.strangers == []


@only_long
async def test_a_list_is_walked_through_by_keys_which_can_be_switched_off(
    new_page, caller, http, ready
):
    admin = caller("administrator")
    for _ in range(2):
        await admin.submit(account=await registered(http, ready))
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    links = page.locator("[data-lines] tbody th a")
    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    box = page.locator("[data-lines] tbody tr").nth(1).locator("input")
    if await box.count():
        await page.keyboard.press("x")
        await expect(box).to_be_checked()
        await expect(page.locator("[data-chosen]")).to_have_text("(1)")
        bar = await page.locator(".bulk").bounding_box()
        assert bar["y"] + bar["height"] <= 801
        await clean(page, "a list with something chosen")
        await page.set_viewport_size({"width": 1280, "height": 800})
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.locator("[data-keys-on]").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(page.locator("#search")).not_to_be_focused()
    await page.reload()
    await page.locator("[data-keys]").click()
    await page.locator("[data-keys-on]").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type("j/?")
    await expect(page.locator("#search")).to_have_value("j/?")


@only_long
async def test_twenty_requests_fit_on_two_screens_and_all_are_chosen_at_once(
    new_page, caller, http, ready
):
    admin = caller("administrator")
    for _ in range(2):
        await admin.submit(account=await registered(http, ready))
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    await page.goto(f"{ready['web']['url']}/console/?limit=20")
    rows = page.locator("[data-lines] tbody tr")
    heights = [(await row.bounding_box())["height"] for row in await rows.all()]
    around = await page.evaluate("document.documentElement.scrollHeight") - sum(heights)
    assert around + 20 * max(heights) <= 1600, (around, heights)
    await page.locator("[data-choose-all]").click()
    chosen = page.locator("[name=chosen]:checked")
    every = await page.locator("[name=chosen]").count()
    await expect(chosen).to_have_count(every)
    await page.goto(f"{ready['web']['url']}/console/?limit=20&all=1")
    await expect(chosen).to_have_count(every)
    async with page.expect_download() as download:
        await page.locator("a[href*='worklist.csv']").click()
    text = (await (await download.value).path()).read_text("utf-8-sig")
    assert text.startswith("Putuskan sebelum,")
    await page.goto(f"{ready['web']['url']}/console/?limit=1&order=received_at&descending=1")
    await page.locator("[name=chosen]").check()
    await page.locator("#reason").fill("Lengkap.")
    await page.locator("button[name=keep]").click()
    await page.wait_for_url("**cursor=**")
    await expect(page.locator("#beyond summary")).to_contain_text("1 daripada 1 yang dipilih")
    await expect(page.locator("#reason")).to_have_value("Lengkap.")
    await page.locator("table [name=chosen]").first.check()
    await expect(page.locator("[data-chosen]")).to_have_text("(2)")
    await page.locator("#beyond summary").click()
    await clean(page, "what is chosen and not seen")
    await page.locator("thead a[href*='order=name']").click()
    await page.locator("#kind").select_option("termination")
    await page.locator("form.criteria button").click()
    await page.wait_for_url("**kind=termination**order=name**")
    await expect(page.locator("#beyond summary")).to_contain_text("2 daripada 2 yang dipilih")


@ways("en", scripts=True)
async def test_what_is_half_typed_is_kept_and_what_is_unusual_is_asked_once_more(
    new_page, caller, http, ready, language, scripts
):
    words = WORDS[language]
    admin = caller("administrator")
    request_id = await admin.submit(account=await registered(http, ready))
    page = await new_page("approval", scripts=scripts)
    await sign_in_as(page, "Aminah")
    await page.goto(f"{ready['web']['url']}/console/requests/{request_id}?lang={language}")
    await page.get_by_label(words["approve"], exact=True).check()
    await page.locator("#quota_bytes").fill("25")
    await page.locator("#text").fill("Disemak.")
    await page.locator("button[formaction$='/comments']").click()
    await expect(page.locator("ol.timeline")).to_contain_text("Disemak.")
    await expect(page.locator("#quota_bytes")).to_have_value("25")
    other = {"ms": "English", "en": "Bahasa Melayu"}[language]
    await page.get_by_role("button", name=other).click()
    await expect(page.locator("#quota_bytes")).to_have_value("25")
    await expect(page.locator("input[value=approve]")).to_be_checked()
    await page.locator("#quota_bytes").press("Enter")
    await expect(page.locator("#once-more")).to_contain_text("25 GB")
    if scripts:
        await clean(page, "asked once more")
    await page.locator("button[name=sure]").click()
    await page.wait_for_url("**decided=1")
    if scripts:  # the steps move by themselves
        await expect(page.locator("#steps > .done")).to_have_count(5, timeout=45_000)
    await admin.until(request_id, "filed")
    await page.goto(f"{ready['web']['url']}/console/requests/{request_id}?lang={language}")
    await expect(page.locator("#heading")).to_contain_text(f"{words['approved']}, 25 GB")


async def hamid(new_page, scripts):
    """Another administrator of MAMPU."""
    page = await new_page("approval", scripts=scripts)
    for name, text in (
        ("account", "hamid.mampu@mygovuc.gov.my"),
        ("name", "Hamid"),
        ("agency", "MAMPU"),
    ):
        await page.locator(f"#{name}").fill(text)
    await page.locator("input[name=role_administrator]").check()
    await page.locator("button.main").press("Enter")
    await page.wait_for_url("**/console/")
    return page


@ways()
async def test_what_one_administrator_has_taken_the_other_sees_and_may_decide(
    new_page, caller, http, ready, language, scripts
):
    words = WORDS[language]
    admin = caller("administrator")
    mine, other = [await admin.submit(account=await registered(http, ready)) for _ in range(2)]
    console = f"{ready['web']['url']}/console/"
    page, colleague = await new_page("approval", scripts=scripts), await hamid(new_page, scripts)
    await sign_in_as(page, "Aminah")
    for each in (page, colleague):
        await each.goto(f"{console}requests/{mine}?lang={language}")
    if scripts:  # each is told of the other
        await expect(page.locator("[data-looking]")).to_contain_text("Hamid")
        await expect(colleague.locator("[data-looking]")).to_contain_text("Aminah")
    await page.locator("#quota_bytes").fill("3")
    await page.get_by_role("button", name=words["take"]).click()
    await expect(page.get_by_role("button", name=words["release"])).to_be_visible()
    await expect(page.locator("#quota_bytes")).to_have_value("3")
    await colleague.get_by_role("button", name=words["take"]).click()
    await expect(colleague.locator("#faults")).to_contain_text(words["first"])
    await expect(colleague.locator(".panel .banner.wait")).to_contain_text("Aminah")
    if scripts:
        await clean(colleague, "a request that a colleague has taken")
        await picture(page, "pentadbir-diambil")
    await page.goto(f"{console}?assigned=me")
    rows = page.locator("[data-lines] tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Aminah")
    await page.goto(f"{console}?assigned=nobody&order=received_at&descending=1&limit=200")
    assert await page.locator(f"a[href$='{mine}']").count() == 0
    await page.locator(f"input[value='{other}']").check()
    await page.get_by_role("button", name=words["take all"], exact=True).click()
    await page.goto(f"{console}?assigned=me&order=quota_bytes")
    await expect(rows).to_have_count(2)
    if scripts:
        await clean(page, "what is mine")
        await page.set_viewport_size({"width": 390, "height": 800})
        await picture(page, "pentadbir-saya") if language == "ms" else None
    await colleague.goto(f"{console}requests/{mine}")
    await colleague.locator("input[value=reject]").check()
    await colleague.locator("#reason").fill("Tiada keperluan.")
    await colleague.get_by_role("button", name=words["send"]).click()
    await colleague.wait_for_url("**decided=1")
    await page.goto(f"{console}requests/{mine}")
    await expect(page.locator(f".panel a[href$='/requests/{other}']")).to_be_visible()
    await page.goto(f"{console}requests/{other}")
    await page.get_by_role("button", name=words["release"]).click()
    await expect(page.get_by_role("button", name=words["take"])).to_be_visible()
    assert page.strangers == []


@LANGUAGES
async def test_axe_finds_nothing_in_the_console(new_page, caller, http, ready, language):
    admin = caller("administrator")
    waiting, decided = [await admin.submit(account=await registered(http, ready)) for _ in range(2)]
    await admin.decide(decided, "return", reason="Lampirkan kelulusan.")
    failed = await admin.submit(account=f"tiada.{uuid.uuid4().hex[:8]}@mygovuc.gov.my")
    await admin.decide(failed, "approve", exception_reason="Disahkan melalui telefon.")
    await admin.until(failed, "configuration_failed")
    account = await registered(http, ready)
    applicant = {
        "account": account,
        "name": "Razif bin Osman",
        "email": f"{account[:15]}@{REFUSED}",
    }
    untold = await admin.submit(account=account, applicant=applicant)

    async def refused():
        answer = await admin.get("notification", f"/v1/requests/{untold}/notifications")
        assert answer.status_code == 200, answer.text
        assert [one["status"] for one in answer.json()["items"]] == ["failed"]

    await eventually(refused, 30)
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    pages = ready["web"]["url"]
    for name in (
        f"/console/?lang={language}",
        f"/console/requests/{waiting}",
        f"/console/requests/{decided}",
        "/console/done",
        "/console/failures",
        "/console/search",
        "/console/?all=1",
        f"/console/requests/{failed}",
        f"/console/requests/{untold}",
        "/console/papers?status=failed&order=recipient",
        "/console/nowhere",
    ):
        await page.goto(pages + name)
        if "lang" in name:
            assert (await page.locator(".masthead").bounding_box())["height"] < 64  # one line
        await clean(page, name)
        if language == "ms" and "lang" in name:
            await picture(page, "pentadbir-senarai")
        if language == "ms" and waiting in name:
            await picture(page, "pentadbir-permohonan")
        if name.endswith("/failures"):
            link = page.locator(f"a[href$='{untold}']")
            row = page.locator("[aria-labelledby=notices] tr", has=link)
            reason = {"ms": "Alamat tidak diterima", "en": "Address not accepted"}[language]
            await expect(row.locator(".badge")).to_have_text(reason)
    await page.goto(f"{pages}/console/requests/{untold}")
    await page.locator("#notice-failure button").click()
    await page.wait_for_url("**retried=1")
    await page.goto(f"{pages}/console/requests/{waiting}")
    await page.locator("input[value=reject]").check()
    await page.get_by_role("button", name=WORDS[language]["send"]).click()
    await clean(page, "a decision without its reason")
