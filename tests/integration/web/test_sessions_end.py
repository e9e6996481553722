"""A session ends for every replica: when its visitor signs out, when the issuer says so, and when a role is withdrawn."""

import json
from base64 import b64decode

import httpx
import pytest
from eventually import eventually
from session_visitors import is_signed_in, sign_in, sign_out

from web import session

pytestmark = pytest.mark.integration


async def followed(location):
    """What the issuer answers to who is led there."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(location)


async def test_a_cookie_that_was_kept_is_worth_nothing_once_its_owner_signed_out(
    new_browser, replicas
):
    browser = await new_browser()
    cookies = dict(browser.cookies)
    async with httpx.AsyncClient(cookies=cookies, trust_env=False) as thief:
        assert await is_signed_in(thief, replicas)
        await sign_out(browser)
        assert not await is_signed_in(thief, replicas)
        assert not await is_signed_in(browser, replicas)


async def test_signing_out_ends_the_issuers_session_too_and_leads_back(new_browser, replicas):
    browser = await new_browser()
    led_to = httpx.URL(await sign_out(browser))
    assert led_to.path == "/end-session"
    asked = dict(led_to.params)
    assert asked["post_logout_redirect_uri"] == f"{replicas[0]}/account/signed-out"
    assert asked["client_id"] == "bmt"
    assert asked["state"]
    assert len(asked["id_token_hint"].split(".")) == 3

    back = (await followed(str(led_to))).headers["location"]
    assert back == f"{replicas[0]}/account/signed-out?state={asked['state']}"
    page = await browser.get(back)
    assert "di sini dan di halaman log masuk agensi" in page.text
    assert "di sini dan di halaman log masuk agensi" not in (await browser.get(back)).text


async def test_who_is_not_signed_in_signs_out_here_alone(new_browser):
    browser = await new_browser()
    browser.cookies.clear()
    assert await sign_out(browser) == "/account/signed-out"
    page = await browser.get("/account/signed-out?state=made-up")
    assert "Sesi di sini telah ditamatkan." in page.text


async def test_one_login_is_for_all_pages_and_ends_for_all(new_browser, replicas):
    browser = await new_browser()
    assert await is_signed_in(browser, replicas, "/my")
    assert await is_signed_in(browser, replicas, "/console")
    elsewhere = await new_browser(account=browser.account)
    await followed(await sign_out(browser))
    assert not await is_signed_in(browser, replicas, "/my")
    assert not await is_signed_in(browser, replicas, "/console")
    assert await is_signed_in(elsewhere, replicas)


@pytest.mark.parametrize(
    ("role", "area"), [("role_administrator", "/console/"), ("role_auditor", "/my/")]
)
async def test_the_address_itself_leads_to_the_pages_that_the_visitor_may_use(
    new_browser, role, area
):
    browser = await new_browser(role=role)
    answer = await browser.get("/", follow_redirects=True)
    assert answer.url.path == area


async def test_the_issuer_ends_every_session_of_an_account_and_no_other(new_browser, replicas):
    one, other = await new_browser(), await new_browser()
    two = await new_browser(account=one.account)
    led_to = httpx.URL(await sign_out(await new_browser()))
    async with httpx.AsyncClient(trust_env=False) as issuer:
        end = str(led_to.copy_with(query=None))
        assert "End all sessions" in (await issuer.get(end)).text
        answer = await issuer.post(end, data={"account": one.account})
        assert "The session has ended" in answer.text
    assert not await is_signed_in(one, replicas)
    assert not await is_signed_in(two, replicas, "/console")
    assert await is_signed_in(other, replicas)


async def test_a_role_that_was_withdrawn_is_felt_without_signing_in_again(new_browser, replicas):
    browser = await new_browser()
    assert await is_signed_in(browser, replicas)
    await new_browser(account=browser.account, role="role_auditor")

    async def is_shut_out():
        for address in replicas:
            assert (await browser.get(f"{address}/my/")).status_code == 403

    await eventually(is_shut_out)


async def test_a_session_goes_on_past_its_tokens_as_long_as_the_issuer_renews_it(
    new_browser, replicas, kept
):
    browser = await new_browser()

    async def is_renewed():
        assert await is_signed_in(browser, replicas)
        assert await kept.count_documents({"version": {"$gt": 2}}) > 0

    await eventually(is_renewed)


async def test_who_signs_in_again_has_a_new_session_and_the_earlier_cookie_is_worth_nothing(
    new_browser, replicas
):
    browser = await new_browser()
    earlier = browser.cookies["bmt"]
    browser.account = f"another-than.{browser.account}"
    await browser.get("/account/login", params={"goes_on_at": "/my/elsewhere"})
    await sign_in(browser)
    cookie = browser.cookies["bmt"]
    assert json.loads(b64decode(cookie.split(".")[0])).keys() == {"id"}
    assert cookie != earlier
    async with httpx.AsyncClient(cookies={"bmt": earlier}, trust_env=False) as kept:
        assert not await is_signed_in(kept, replicas)
    assert await is_signed_in(browser, replicas)


async def test_the_database_says_of_nobody_who_they_are_and_holds_no_token(new_browser, kept):
    browser = await new_browser()
    cookie = browser.cookies["bmt"]
    found = json.dumps([one async for one in kept.find()], default=str)
    assert found.count('"subject"') >= 1
    for secret in (browser.account, "Siti", "MAMPU", "eyJhbGciOiJFUzI1NiIsInR5cCI6", cookie[:20]):
        assert secret not in found


async def test_of_one_person_the_oldest_sessions_end_where_there_are_too_many(
    new_browser, replicas, monkeypatch
):
    monkeypatch.setattr(session, "MOST_OF_ONE_PERSON", 2)
    first = await new_browser()
    second = await new_browser(account=first.account)
    third = await new_browser(account=first.account)
    assert not await is_signed_in(first, replicas)
    assert await is_signed_in(second, replicas)
    assert await is_signed_in(third, replicas)


@pytest.mark.parametrize(
    ("address", "name", "flags"),
    [
        ("https://bmt.example", "__Host-bmt", {"path=/", "secure", "httponly", "samesite=lax"}),
        ("http://127.0.0.1:1", "bmt", {"path=/", "httponly", "samesite=lax"}),
    ],
)
async def test_cookies_are_for_this_host_and_for_tls_alone_where_pages_are_reached_by_it(
    make, address, name, flags
):
    app = await make(address)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=address) as browser:
        answer = await browser.get("/account/login")
        first, *said = answer.headers["set-cookie"].lower().split("; ")
        assert first.startswith(f"{name.lower()}=")
        assert flags == {one for one in said if not one.startswith("max-age=")}
        answer = await browser.get("/account/signed-out?lang=en")
        assert ("; Secure" in answer.headers["set-cookie"]) == address.startswith("https")


async def test_a_form_that_signs_out_may_lead_to_the_issuer_and_nowhere_else(
    new_browser, embedded_issuer
):
    browser = await new_browser()
    policy = (await browser.get("/my/")).headers["content-security-policy"]
    assert f"form-action 'self' {embedded_issuer.url}" in policy
