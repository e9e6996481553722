"""What an administrator does beside deciding, in a real browser: the inbox, tasks by hand, and what changes meanwhile."""

import uuid
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

from eventually import eventually
from fixtures.browsing import LANGUAGES, MARKS, clean, picture, sign_in_as, ways
from fixtures.outside import registered
from fixtures.thoroughness import only_long
from playwright.async_api import expect

from bmt.agencies.charter import day_of
from bmt.chassis.runtime.clock import now

pytestmark = MARKS

LETTER = Path(__file__).parents[2] / "examples" / "documents" / "surat-kamal.pdf"
FORM = "application/x-www-form-urlencoded"
LATER = (day_of(now()) + timedelta(30)).isoformat()
PICTURES = {"papers": "makluman", "notices/acknowledgement": "templat"}
"""Pages of the guide that show the same to everybody."""
WORDS = {
    "ms": {
        "inbox": "Peti masuk",
        "register": "Daftarkan",
        "aside": "Ketepikan",
        "tasks": "Tugasan IPMS",
        "take": "Saya ambil tugasan ini",
        "done": "Telah ditetapkan",
        "copy": "Salin: 1500000000",
        "papers": "Makluman",
        "take message": "Saya ambil mesej ini",
        "take paper": "Ambil",
        "release": "Lepaskan",
        "papers tab": "Untuk diserahkan",
        "handed": "Telah diserahkan",
        "words": "Templat makluman",
        "try": "Pratonton",
        "save": "Simpan",
        "original": "Kembali kepada ayat asal",
    },
    "en": {
        "inbox": "Inbox",
        "register": "Register",
        "aside": "Set aside",
        "tasks": "IPMS tasks",
        "take": "I take this task",
        "done": "It has been set",
        "copy": "Copy: 1500000000",
        "papers": "Notices",
        "take message": "I take this message",
        "take paper": "Take",
        "release": "Release",
        "papers tab": "To hand over",
        "handed": "Handed over",
        "words": "Wording of notices",
        "try": "Preview",
        "save": "Save",
        "original": "Back to the original",
    },
}


def message(subject):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Kamal <kamal@example.my>", "bmt@x.my", subject
    mail["Message-ID"] = f"<{uuid.uuid4()}@example.my>"
    mail.set_content("Salam, saya perlukan BMT.\n\nNama: Kamal Ariffin bin Hashim\nKuota: 20 GB\n")
    mail.add_attachment(
        LETTER.read_bytes(), maintype="application", subtype="pdf", filename="surat-kamal.pdf"
    )
    return mail.as_bytes()


def content(file):
    return Path(file).read_bytes()


async def arrived(admin, subject):
    """An e-mail that a person must read."""
    answer = await admin.post(
        "intake",
        "/v1/emails",
        content=message(subject),
        headers={"Content-Type": "message/rfc822"},
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["inbox_item_id"]


async def console(new_page, language, *, scripts, person="Aminah"):
    page = await new_page("approval", scripts=scripts)
    await sign_in_as(page, person)
    if language == "en":
        await page.get_by_role("link", name="English").click()
    return page


@ways()
async def test_an_administrator_registers_one_message_and_sets_another_aside(
    new_page, caller, http, ready, language, scripts
):
    words, admin = WORDS[language], caller("administrator")
    wanted, unwanted = f"Mohon {uuid.uuid4().hex[:6]}", f"Iklan {uuid.uuid4().hex[:6]}"
    item, other = await arrived(admin, wanted), await arrived(admin, unwanted)
    account = await registered(http, ready)
    page = await console(new_page, language, scripts=scripts)
    await page.get_by_role("link", name=words["inbox"]).first.click()
    await page.get_by_role("link", name=wanted).click()
    await expect(page.locator("details pre")).to_contain_text("Salam, saya perlukan BMT.")
    await expect(page.locator("#quota_bytes")).to_have_value("20")
    shown = page.get_by_role("img", name="surat-kamal.pdf")
    await shown.scroll_into_view_if_needed()
    assert await shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1000
    await expect(page.locator("#name")).to_have_value("Kamal Ariffin bin Hashim")
    await expect(page.locator("#email")).to_have_value("kamal@example.my")  # of the sender
    await page.locator("#email").fill("bukan alamat")
    await page.locator("#account").fill(account)
    await page.locator("#justification").fill("Menghantar lukisan projek.")
    await page.get_by_role("button", name=words["register"], exact=True).click()
    await expect(page.locator("#email-fault")).to_be_visible()
    await expect(page.locator("#account")).to_have_value(account)
    await page.locator("#email").fill(account)
    await page.get_by_role("button", name=words["take message"]).click()
    await expect(page.get_by_role("button", name=words["release"])).to_be_visible()
    await page.locator("#email").fill(account)
    await page.locator("#account").fill(account)
    await page.locator("#justification").fill("Menghantar lukisan projek.")
    await page.get_by_role("button", name=words["register"], exact=True).click()
    await expect(page.locator("#before")).to_contain_text(wanted)  # and the next item is here
    await expect(page.locator("h1")).not_to_have_text(wanted)
    if scripts:
        await clean(page, "the next item")
    await admin.once_known("approval", f"/v1/requests/{item}")
    await page.locator(f"a[href$='/requests/{item}']").click()
    await expect(page.locator("#heading")).to_contain_text("BMT-MAMPU-")

    await page.goto(page.url.rpartition("/requests/")[0] + f"/inbox/{other}")
    await page.get_by_role("button", name=words["aside"]).click()
    await expect(page.locator("#reason-fault")).to_be_visible()
    await page.locator("#reason").fill("Bukan permohonan BMT.")
    await page.get_by_role("button", name=words["aside"]).click()
    await expect(page.locator("#before, #settled")).to_have_count(1)
    settled = (await admin.get("intake", f"/v1/inbox/{other}")).json()
    assert (settled["status"], settled["reason"]) == ("dismissed", "Bukan permohonan BMT.")
    assert page.strangers == []


@ways()
async def test_an_administrator_sees_what_approving_changes_and_sets_it_by_hand(
    new_page, caller, http, ready, language, scripts
):
    words, admin = WORDS[language], caller("administrator", "JPA")
    account = await registered(http, ready, "jpa")
    request_id = await admin.submit(
        account=account, agency="JPA", max_file_size_bytes=1_500_000_000
    )
    page = await console(new_page, language, scripts=scripts, person="Faridah")
    base = page.url.partition("?")[0]
    await admin.once_known("provisioning", f"/v1/requests/{request_id}/plan")
    await page.goto(f"{base}requests/{request_id}")
    prospect = page.locator("table", has=page.get_by_text("IPMS"))
    await expect(prospect).to_contain_text("1.5 GB")
    await page.locator("input[value=approve]").check()
    await (
        page.get_by_role("button", name="Hantar keputusan")
        .or_(page.get_by_role("button", name="Send the decision"))
        .click()
    )
    await admin.until(request_id, "awaiting_operator")

    await page.goto(base)
    await page.get_by_role("link", name=words["tasks"]).first.click()
    row = page.get_by_role("row", name=account)
    await row.get_by_role("link").click()
    await expect(page.locator("code").first).to_have_text(account)
    copy = page.get_by_role("button", name=words["copy"])
    await expect(copy).to_have_count(1 if scripts else 0)
    if scripts:
        await clean(page, "a task")
        task = page.url
        await page.goto(f"{task}?lang=ms")
        await picture(page, "pentadbir-tugasan")
        await page.goto(f"{task}?lang={language}")
    await page.get_by_role("button", name=words["take"]).click()
    await expect(page.locator("#done ~ p").first).to_contain_text("Faridah")
    await page.locator("#evidence").set_input_files(LETTER)
    await page.locator("#note").fill("Ditetapkan pada portal.")
    await page.get_by_role("button", name=words["done"]).click()
    await expect(page.locator("#evidence")).to_have_count(0)
    await expect(page.get_by_text("Ditetapkan pada portal.")).to_be_visible()
    await admin.until(request_id, "filed", "notified", "configured")
    task = (await admin.get("provisioning", "/v1/tasks", params={"status": "done"})).json()
    done = next(one for one in task["items"] if one["request_id"] == request_id)
    assert (done["note"], len(done["evidence"])) == ("Ditetapkan pada portal.", 1)


@ways()
async def test_an_administrator_hands_a_letter_over(
    new_page, caller, http, ready, language, scripts
):
    words, admin = WORDS[language], caller("administrator")
    account = await registered(http, ready)
    request_id = await admin.submit(account=account, channel="letter", reply_through="letter")
    notices = f"/v1/requests/{request_id}/notifications"

    async def prepared():
        answer = await admin.get("notification", notices)
        assert answer.status_code == 200, answer.text
        told = answer.json()["items"]
        assert [one["status"] for one in told] == ["prepared"]
        return told[0]["notification_id"]

    letter = await eventually(prepared)
    page = await console(new_page, language, scripts=scripts)
    await page.get_by_role("link", name=words["papers tab"]).first.click()
    row = page.locator("tr", has=page.locator(f"a[href$='/requests/{request_id}']"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(words["papers"])
    await page.locator("th[aria-sort=ascending] a").click()
    await expect(page.locator("th[aria-sort=descending]")).to_have_count(1)
    reference = (await admin.get("intake", f"/v1/requests/{request_id}")).json()["reference"]
    async with page.expect_download() as download:
        await page.locator("a[href*='papers.csv?descending=1']").click()
    assert reference in content(await (await download.value).path()).decode()
    async with page.expect_download() as download:
        await row.locator(f"a[href$='/papers/{letter}/document']").click()
    assert content(await (await download.value).path()).startswith(b"%PDF-")
    await row.get_by_role("checkbox").check()
    await page.get_by_role("button", name=words["take paper"], exact=True).click()
    await expect(row).to_contain_text("Aminah")
    await row.get_by_role("checkbox").check()
    if scripts:
        await clean(page, "a paper that is taken and chosen")
        await page.set_viewport_size({"width": 1280, "height": 800})
    await page.locator("#note").fill("Diambil sendiri di kaunter.")
    await page.get_by_role("button", name=words["handed"]).click()
    await expect(page.locator("#results .badge.good")).to_have_count(1)
    await expect(row).to_have_count(0)
    told = (await admin.get("notification", notices)).json()["items"]
    assert [one["status"] for one in told] == ["notified"]


@ways()
async def test_an_administrator_changes_the_words_of_a_notice(new_page, language, scripts):
    words = WORDS[language]
    page = await console(new_page, language, scripts=scripts)
    await page.get_by_role("link", name=words["words"], exact=True).first.click()
    await page.locator("a[href$='/notices/withdrawn']").click()
    opening = page.locator("#malay-opening")
    before = await opening.input_value()
    await opening.fill(before + " {tiada}")
    await page.get_by_role("button", name=words["save"], exact=True).click()
    await expect(page.locator("#malay-opening-fault")).to_contain_text("rujukan")
    await expect(page.locator("#why-fault")).to_be_visible()
    await expect(opening).to_have_value(before + " {tiada}")
    if scripts:
        await opening.fill(before + " Terima kasih, ")
        await page.get_by_role("button", name="{nama}").click()
        await expect(page.locator("#preview")).to_contain_text("Terima kasih, Nur Aisyah")
        await page.keyboard.type(".")
    else:
        await opening.fill(before + " Terima kasih, {nama}.")
    await page.get_by_role("button", name=words["try"], exact=True).click()
    await expect(page.locator("#preview")).to_contain_text("Terima kasih, Nur Aisyah")
    await page.locator("#why").fill("Percubaan.")
    await page.get_by_role("button", name=words["save"], exact=True).click()
    await page.get_by_role("button", name=words["original"], exact=True).wait_for()
    await expect(opening).to_have_value(before + " Terima kasih, {nama}.")
    await page.locator("#why").fill("Tidak lagi.")
    await page.get_by_role("button", name=words["original"], exact=True).click()
    await expect(opening).to_have_value(before)


@only_long
async def test_who_has_a_request_open_sees_a_colleagues_decision_at_once(
    new_page, caller, http, ready
):
    admin = caller("administrator", subject="rakan.mampu@mygovuc.gov.my")
    request_id = await admin.submit(account=await registered(http, ready))
    page = await console(new_page, "ms", scripts=True)
    address = page.url.partition("?")[0]
    worklist = await page.context.new_page()
    await worklist.goto(address)
    await page.goto(f"{address}requests/{request_id}")
    await page.locator("#reason").fill("Setengah ayat")
    await admin.decide(request_id, "reject", reason="Tiada keperluan.")
    notice = page.locator("[data-live]")
    await expect(notice).to_contain_text("Ditolak")
    await expect(page.locator("#reason")).to_have_value("Setengah ayat")
    await expect(worklist.locator("[data-live]")).to_be_visible()
    await clean(page, "a request that has just changed")
    await notice.get_by_role("button").click()
    await expect(page.locator("#decision")).to_be_visible()


@LANGUAGES
async def test_axe_finds_nothing_in_the_offices(new_page, caller, http, ready, language):
    admin = caller("administrator")
    item = await arrived(admin, "Permohonan BMT melalui surat")
    request_id = await admin.submit(
        account=await registered(http, ready), channel="memo", reply_through="memo"
    )
    await admin.once_known("provisioning", f"/v1/requests/{request_id}/plan")
    page = await console(new_page, language, scripts=True)
    base = page.url.partition("?")[0]
    for name in (
        "inbox",
        f"inbox/{item}",
        "inbox?status=dismissed",
        "tasks",
        "tasks?status=done",
        f"requests/{request_id}",
        "scans",
        "papers",
        "papers?status=notified",
        "notices",
        "notices/acknowledgement",
        "agency/",
        "changes?since=2026-01-01T00:00:00Z",
        "?kind=termination&warned=yes&due=late",
    ):
        await page.goto(base + name)
        await clean(page, name)
        if language == "ms" and name in PICTURES:
            await picture(page, f"pentadbir-{PICTURES[name]}")
        if language == "ms" and name == f"inbox/{item}":
            await picture(page, "pentadbir-peti-masuk")


@ways()
async def test_a_manager_changes_the_rules_and_withdraws_a_change_that_waits(
    new_page, caller, language, scripts
):
    words = {
        "ms": ("Ubah peraturan", "Semak perubahan", "Simpan perubahan", "Tarik balik perubahan"),
        "en": ("Change the rules", "Check the change", "Save the change", "Withdraw this change"),
    }
    change, check, save, withdraw = words[language]
    page = await new_page("approval", scripts=scripts)
    await page.get_by_role("button", name="Ravi a/l Krishnan").press("Enter")
    await page.goto(f"{page.url.partition('/console/')[0]}/console/agency/?lang={language}")
    if scripts:
        await clean(page, "the rules")
        await picture(page, "pengurus-peraturan")
    await page.get_by_role("link", name=change).click()
    await page.locator("#decide").fill("0")
    await page.locator("#acting-0-officer").fill("siti.mampu@mygovuc.gov.my")
    await page.get_by_role("button", name=check).last.click()
    await expect(page.locator("#acting-1-from")).not_to_have_value("")
    for field in ("decide", "acting-0-on_behalf_of", "acting-0-until", "why"):
        await expect(page.locator(f"#{field}-fault")).to_be_visible()
    if scripts:
        await clean(page, "a change of rules that is wrong")
    await page.locator("#decide").fill("4")
    for part, value in (("on_behalf_of", "Pengarah"), ("from", LATER), ("until", LATER)):
        await page.locator(f"#acting-0-{part}").fill(value)
    await page.locator("#in_force_from").fill(LATER)
    await page.locator("#why").fill("Percubaan.")
    await page.get_by_role("button", name=check).last.click()
    await expect(page.locator("ins")).to_have_count(2)
    known = "Siti Nurhaliza binti Ahmad (siti.mampu@mygovuc.gov.my)"
    await expect(page.locator("ins").last).to_contain_text(known)  # by the directory
    if scripts:
        await clean(page, "a change of rules before it is sent")
    await page.get_by_role("button", name=save).click()
    await expect(page.locator("#waiting")).to_be_visible()
    if scripts:
        await clean(page, "a change of rules that waits")
    admin = caller("administrator")
    found = (await admin.get("approval", "/v1/agencies/own/rules")).json()
    assert found["waiting"]["rules"]["charter_working_days"]["decide"] == 4
    assert found["in_force"]["rules"]["charter_working_days"]["decide"] == 3
    await page.locator("#why").fill("Tidak jadi.")
    await page.get_by_role("button", name=withdraw).click()
    await expect(page.locator("#waiting")).to_have_count(0)
    assert page.strangers == []
