"""A form whose sender's session ended meanwhile: its text is in the answer, and is sent from there once."""

import re
from html import unescape

import httpx
import pytest
from fixtures import signing_in
from my_visitors import HERE, PDF, key_of, send

pytestmark = pytest.mark.integration

ADDRESS = "/my/new/application"
TYPED = "Baris satu\r\n\"dua\" & <b>'tiga'</b> </textarea><script>alert(1)</script>\r\n"


def hidden(page):
    """What stands in the hidden fields of the form that sends it again."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found}


async def ended(browser, **more):
    """The answer to a form that was sent after the session's end."""
    key = await key_of(browser, ADDRESS)
    browser.cookies.clear()
    return await send(browser, key=key, justification=TYPED, quota_bytes="3", **more)


async def test_what_was_typed_stands_in_the_answer_and_is_sent_from_there_once(
    visitor, new_account
):
    account = await new_account()
    browser = await visitor(account)
    answer = await ended(browser)
    assert answer.status_code == 401
    assert "Sesi anda telah tamat" in answer.text
    assert "<script>" not in answer.text
    kept = hidden(answer.text)
    assert kept["justification"] == TYPED
    assert kept["quota_bytes"] == "3"
    assert (await browser.post(ADDRESS, data=kept)).status_code == 401

    person = {"account": account, "name": "Siti", "agency": "MAMPU", "role_applicant": "on"}
    link = unescape(re.search(r'href="([^"]+)" target="_blank"', answer.text).group(1))
    del browser.headers["Origin"]
    led_to = await signing_in.sign_in_at(browser, link, person)
    assert led_to.headers["location"] == "/my/signed-in"
    assert "Tutup tab ini" in (await browser.get("/my/signed-in")).text
    browser.headers["Origin"] = HERE

    places = {(await browser.post(ADDRESS, data=kept)).headers["location"] for _ in range(2)}
    assert len(places) == 1
    assert (await browser.get("/my/")).text.count("BMT-MAMPU-") == 1


async def test_files_are_named_to_be_chosen_again_and_go_with_what_is_sent(visitor):
    answer = await ended(await visitor(), files=[("surat <1>.pdf", PDF, "application/pdf")])
    assert answer.status_code == 401
    assert "surat &lt;1&gt;.pdf" in answer.text
    assert '<input type="file" id="attached" name="attached" multiple>' in answer.text
    assert "%PDF" not in answer.text


async def test_text_is_bounded_whatever_it_comes_in(visitor):
    browser = await visitor()
    browser.cookies.clear()
    for body in ({"a": "x" * 1_100_000}, {f"a{number}": "x" * 300_000 for number in range(4)}):
        answer = await browser.post(ADDRESS, data=body)
        assert answer.status_code == 413
        answer = await browser.post(ADDRESS, data=body, files=[("attached", ("", b""))])
        assert answer.status_code in (413, 422)
        assert "xxx" not in answer.text


async def test_another_site_gets_nothing_shown(visitor):
    browser = await visitor()
    browser.cookies.clear()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await browser.post(ADDRESS, data={"justification": TYPED}, headers=headers)
        assert answer.status_code == 403
        assert "Baris satu" not in answer.text


async def test_who_only_looks_is_led_to_sign_in_and_back(visitor):
    browser = await visitor()
    browser.cookies.clear()
    answer = await browser.get(ADDRESS)
    assert answer.status_code == 303
    assert httpx.URL(answer.headers["location"]).params["goes_on_at"] == ADDRESS
