"""A half-filled form is found again by who left it, and by nobody else, until it is sent or discarded."""

import re

import pytest
from my_visitors import PDF, received, send

from web.my.drafts import Drafts

pytestmark = pytest.mark.integration

ADDRESS = "/my/new/application"


async def saved(browser, **fields):
    answer = await send(browser, save_draft="1", **fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == ADDRESS


async def test_a_draft_is_found_again_with_everything_however_wrong_it_is(visitor, new_account):
    account = await new_account()
    browser = await visitor(account)
    files = [("surat.pdf", PDF, "application/pdf")]
    await saved(browser, justification="", quota_bytes="banyak", files=files)
    page = (await (await visitor(account)).get(ADDRESS)).text
    assert "Draf disimpan pada" in page
    assert 'value="banyak"' in page
    assert re.search(r'name="documents" value="[^"]+" checked> surat\.pdf', page)
    assert "BMT-MAMPU-" not in (await browser.get("/my/")).text


async def test_a_draft_is_of_one_account_and_one_kind(visitor):
    browser = await visitor()
    await saved(browser, justification="Rahsia saya.")
    assert "Rahsia saya." not in (await browser.get("/my/new/termination")).text
    assert "Rahsia saya." not in (await (await visitor()).get(ADDRESS)).text


async def test_a_draft_that_was_sent_is_gone(visitor):
    browser = await visitor()
    await saved(browser)
    await received(browser)
    assert "Draf disimpan pada" not in (await browser.get(ADDRESS)).text


async def test_a_draft_that_a_crash_left_is_the_same_request(visitor, monkeypatch):
    """The request is stored, and the process dies before the draft is removed."""

    async def dies(*_):
        raise SystemExit

    browser = await visitor()
    await saved(browser)
    with monkeypatch.context() as patch:
        patch.setattr(Drafts, "discard", dies)
        with pytest.raises(SystemExit):
            await send(browser)
    assert "Draf disimpan pada" in (await browser.get(ADDRESS)).text
    await received(browser)
    assert (await browser.get("/my/")).text.count("BMT-MAMPU-") == 1


async def test_a_form_that_was_refused_takes_its_draft_along(visitor):
    """Else what is sent then would leave the draft, and the draft could be sent as a second request."""
    browser = await visitor()
    await saved(browser)
    refused = await send(browser, justification=" ")
    assert refused.status_code == 422
    named = re.compile(r'name="key" value="([^"]+)"')
    left = (await browser.get(ADDRESS)).text
    assert named.search(left)[1] == named.search(refused.text)[1]
    await received(browser)
    assert "Draf disimpan pada" not in (await browser.get(ADDRESS)).text


async def test_a_form_that_is_sent_leaves_the_draft_of_another_tab(visitor):
    browser = await visitor()
    first = (await browser.get(ADDRESS)).text
    await saved(browser, justification="Dari tab lain.")
    key = re.search(r'name="key" value="([^"]+)"', first)[1]
    await received(browser, key=key)
    assert "Dari tab lain." in (await browser.get(ADDRESS)).text


async def test_a_draft_is_discarded(visitor):
    browser = await visitor()
    await saved(browser, justification="Tidak jadi.")
    answer = await browser.post(ADDRESS, data={"discard_draft": "1"})
    assert answer.status_code == 303
    page = (await browser.get(ADDRESS)).text
    assert "Tidak jadi." not in page
    assert "Draf disimpan pada" not in page


async def test_the_list_has_the_drafts_above_the_requests_and_discards_one_there(visitor):
    browser = await visitor()
    await saved(browser, justification="Separuh siap.")
    page = (await browser.get("/my/")).text
    assert page.index("Separuh siap.") < page.index("Permohonan yang dihantar")
    assert f'href="{ADDRESS}"' in page
    answer = await browser.post(ADDRESS, data={"discard_draft": "list"})
    assert answer.headers["location"] == "/my/"
    assert "Separuh siap." not in (await browser.get("/my/")).text


async def test_a_draft_that_is_too_long_is_refused_and_stays_in_the_form(visitor):
    answer = await send(await visitor(), save_draft="1", justification="x" * 70_000)
    assert answer.status_code == 422
    assert "Paling banyak 65,536 aksara dibenarkan." in answer.text
    assert "x" * 70_000 in answer.text
