"""The users' pages in a real browser: in both languages, without JavaScript, and as axe sees them."""

import mailbox
import re

from eventually import eventually
from fixtures.browsing import LANGUAGES, MARKS, clean, picture, sign_in_as, sign_in_as_user, ways
from playwright.async_api import expect

pytestmark = MARKS

WORDS = {
    "ms": {
        "why": "Justifikasi",
        "hand in": "Hantar",
        "received": "Permohonan anda telah diterima.",
        "withdraw": "Tarik balik",
        "plain reason": "Sebab",
        "save": "Simpan draf",
        "discard": "Buang draf",
        "ended": "Sesi anda telah tamat",
        "sign in": "Log masuk di tab baharu",
        "signed in": "Anda telah log masuk",
        "again": "Hantar semula",
        "reference": "Rujukan",
        "code": "Kod semakan",
        "look": "Semak",
        "in other language": "English",
        "in this language": "Bahasa Melayu",
        "still open": "Anda sudah ada permohonan yang masih terbuka",
        "to withdraw": "menarik baliknya",
        "due": "Keputusan dijangka selewat-lewatnya",
    },
    "en": {
        "why": "Justification",
        "hand in": "Send",
        "received": "Your request has been received.",
        "withdraw": "Withdraw",
        "plain reason": "Reason",
        "save": "Save as a draft",
        "discard": "Discard the draft",
        "ended": "Your session has ended",
        "sign in": "Sign in in a new tab",
        "signed in": "You have signed in",
        "again": "Send again",
        "reference": "Reference",
        "code": "Status code",
        "look": "Look",
        "in other language": "Bahasa Melayu",
        "in this language": "English",
        "still open": "You already have a request that is still open",
        "to withdraw": "withdraw it",
        "due": "The decision is due by",
    },
}


@ways("ms", scripts=False)
async def test_a_user_applies_with_a_document_sees_where_it_is_and_withdraws_it(
    new_page, account, language, scripts
):
    words = WORDS[language]
    page = await new_page("intake", scripts=scripts)
    await sign_in_as_user(page, account)
    here = page.url
    await page.goto(f"{here}new/application?lang={language}")
    await page.get_by_label(words["why"]).fill("Menghantar lukisan kejuruteraan.")
    await page.locator("#quota_bytes").fill("banyak")
    await page.locator("#attached").set_input_files(
        {"name": "surat.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n% surat"}
    )
    await page.get_by_role("button", name=words["hand in"], exact=True).click()
    await expect(page.locator("#quota_bytes-fault")).to_be_visible()
    await expect(page.locator("#faults")).to_be_focused()
    for other in ("in other language", "in this language"):
        await button(page, words[other]).click()
        await expect(page.locator("#quota_bytes-fault")).to_be_visible()
        await expect(page.locator("#quota_bytes")).to_have_value("banyak")
        await expect(page.get_by_label("surat.pdf")).to_be_checked()
    await page.locator("#quota_bytes").fill("5")
    await page.locator("#quota_bytes").press("Enter")
    await expect(page.get_by_text(words["received"])).to_be_visible()
    await expect(page.get_by_text(words["due"])).to_be_visible()
    await expect(page.get_by_role("link", name="surat.pdf")).to_be_visible()
    await page.goto(f"{here}new/application")
    await expect(page.get_by_role("heading", name=words["still open"])).to_be_visible()
    await page.get_by_role("link", name=words["to withdraw"]).click()
    await page.get_by_label(words["plain reason"]).fill("Tidak perlu lagi.")
    await page.get_by_role("button", name=words["withdraw"], exact=True).click()
    await expect(page.get_by_text("Tidak perlu lagi.").first).to_be_visible()
    assert page.strangers == []


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


async def applied(page, here, words):
    """The reference of a new application."""
    await page.goto(f"{here}new/application")
    await page.locator("#justification").fill("Menghantar lukisan.")
    await button(page, words["hand in"]).click()
    await expect(page.get_by_text(words["received"])).to_be_visible()
    return re.search(r"BMT-MAMPU-\d{4}-\w{8}", await page.content()).group(0)


async def told_by_mail(ready, reference):
    """The code of the acknowledgement, once it has arrived."""

    def arrived():
        texts = [
            message.get_payload(decode=True).decode()
            for message in mailbox.Maildir(ready["mail"]["maildir"], create=False)
        ]
        told = [text for text in texts if reference in text]
        assert len(told) == 1
        return re.search(r"Kod semakan: (\S+)", told[0]).group(1)

    return await eventually(arrived, 30)


async def looked(page, words, reference, code):
    await page.get_by_label(words["reference"]).fill(reference)
    await page.get_by_label(words["code"]).fill(code)
    await button(page, words["look"]).click()


async def with_the_session_ended(page, here, words, files=()):
    """A form that was sent after it: the answer."""
    await page.goto(f"{here}new/application")
    await page.locator("#justification").fill("Baris satu.\nBaris dua.")
    await page.locator("#attached").set_input_files(list(files))
    await page.context.clear_cookies(name="bmt")
    await button(page, words["hand in"]).click()
    await expect(page.get_by_role("heading", name=words["ended"])).to_be_visible()


@ways()
async def test_what_was_typed_is_sent_although_the_session_ended(
    new_page, account, language, scripts
):
    words = WORDS[language]
    page = await new_page("intake", scripts=scripts)
    await sign_in_as_user(page, account)
    here = page.url
    await page.goto(f"{here}?lang={language}")
    await with_the_session_ended(page, here, words)
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name=words["sign in"]).click()
    tab = await opened.value
    await sign_in_as_user(tab, account)
    await expect(tab.get_by_role("heading", name=words["signed in"])).to_be_visible()
    await tab.close()
    await button(page, words["again"]).click()
    await expect(page.get_by_text(words["received"])).to_be_visible()
    assert page.strangers == []


@LANGUAGES
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


@LANGUAGES
async def test_axe_finds_nothing_on_drafts_ended_sessions_and_the_public_page(
    new_page, ready, language
):
    words = WORDS[language]
    page = await new_page("intake", scripts=True)
    await sign_in_as(page, "Siti")
    here = page.url
    await page.goto(f"{here}new/termination?lang={language}")
    await page.locator("#justification").fill("Saya akan bersara pada")
    await button(page, words["save"]).click()
    await clean(page, "a draft")
    await shown(page, language, "pengguna-draf")
    await page.goto(here)
    await clean(page, "a list with a draft")
    await page.goto(f"{here}new/termination")
    await button(page, words["discard"]).click()
    reference = await applied(page, here, words)
    await page.goto(here)
    await clean(page, "a list with a request")
    await shown(page, language, "pengguna-senarai")
    await page.goto(f"{here}new/application")
    await clean(page, "a form beside an open request")
    letter = {"name": "surat ketua.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    await with_the_session_ended(page, here, words, [letter])
    await clean(page, "a session that ended")
    await shown(page, language, "pengguna-sesi")
    await page.goto(f"{here}signed-in")
    await clean(page, "signed in in another tab")
    await page.goto(f"{ready['web']['url']}/status/?reference={reference}")
    await clean(page, "the public page")
    await looked(page, words, reference, "x")
    await clean(page, "a wrong code")
    await looked(page, words, reference, await told_by_mail(ready, reference))
    await clean(page, "a status")
    await shown(page, language, "pengguna-semakan")


async def shown(page, language, name):
    """A picture for the guide, which is in Malay."""
    if language == "ms":
        await picture(page, name)
