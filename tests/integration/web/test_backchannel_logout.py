"""Logout tokens (OpenID Connect Back-Channel Logout 1.0): what the issuer says is done, once; what only looks like it is not."""

import json
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from session_visitors import is_signed_in

from evaluation.issuer import LOGOUT_EVENT, Holder

pytestmark = pytest.mark.integration

PATH = "/account/backchannel-logout"


@pytest.fixture
def said(embedded_issuer):
    """`said(sub="siti")`: a logout token but for these claims, signed by the issuer; None leaves one out."""

    def said(*, typ="logout+jwt", key=None, **changes):
        now = int(time.time())
        claims = {
            "iss": embedded_issuer.url,
            "aud": "bmt",
            "iat": now,
            "exp": now + 120,
            "jti": f"once-{time.monotonic_ns()}",
            "events": {LOGOUT_EVENT: {}},
            **changes,
        }
        own = ECKey.import_key(json.loads(embedded_issuer.key.read_text()))
        header = {"alg": "ES256", "kid": own.kid, **({"typ": typ} if typ else {})}
        return jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, key or own)

    return said


@pytest.fixture
async def told(replicas):
    """`await told(token)`: what a replica answers to it."""
    async with httpx.AsyncClient(base_url=replicas[1], trust_env=False) as client:

        async def told(token):
            return await client.post(PATH, data={"logout_token": token})

        yield told


@pytest.mark.parametrize("typ", ["logout+jwt", None])
async def test_all_sessions_of_a_subject_end_at_every_replica(
    new_browser, replicas, said, told, typ
):
    browser = await new_browser()
    answer = await told(said(sub=browser.account, typ=typ))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not await is_signed_in(browser, replicas)


async def test_a_token_is_good_once(new_browser, replicas, said, told):
    browser = await new_browser()
    token = said(sub=browser.account)
    assert (await told(token)).status_code == 200
    again = await new_browser(account=browser.account)
    answer = await told(token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "taken before" in answer.json()["error_description"]
    assert await is_signed_in(again, replicas)


async def test_a_token_of_one_session_ends_no_other_of_the_same_person(
    new_browser, replicas, said, told
):
    browser = await new_browser()
    assert (await told(said(sub=browser.account, sid="another"))).status_code == 200
    assert await is_signed_in(browser, replicas)


WRONG = {
    "of nobody": {"sub": None},
    "for another application": {"aud": "bmt-api"},
    "of another issuer": {"iss": "https://issuer.example"},
    "with a nonce": {"nonce": "n"},
    "without events": {"events": None},
    "with another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "with an event that is no object": {"events": {LOGOUT_EVENT: True}},
    "with events that are no object": {"events": [LOGOUT_EVENT]},
    "without a name of its own": {"jti": None},
    "with a name that is none": {"jti": 7},
    "without a time": {"iat": None},
    "without an end": {"exp": None},
    "too late": {"exp": int(time.time()) - 1},
    "too early": {"iat": int(time.time()) + 36_000},
    "for a session that is a number": {"sid": 7},
    "that is an access token": {"typ": "at+jwt"},
    "of another key": {"key": ECKey.generate_key("P-256")},
}


async def test_what_is_no_logout_token_ends_nothing(new_browser, replicas, said, told):
    browser = await new_browser()
    for name, changes in WRONG.items():
        answer = await told(said(**{"sub": browser.account, **changes}))
        assert (name, answer.status_code) == (name, 400)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["error"] == "invalid_request"
        assert browser.account not in answer.text
    assert await is_signed_in(browser, replicas)


async def test_tokens_that_were_made_for_something_else_end_nothing(
    new_browser, replicas, told, embedded_issuer
):
    browser = await new_browser()
    minter, who = embedded_issuer.mint(), Holder(browser.account, "Siti", "MAMPU", [])
    access = minter.token(who, audience="bmt")
    identity = minter.id_token(who, "bmt", sid="s", nonce="n", access_token=access)
    for token in (access, identity, "", "a.b.c", "x" * 20_000):
        assert (await told(token)).status_code == 400
    assert await is_signed_in(browser, replicas)


async def test_what_is_no_form_is_refused(replicas):
    async with httpx.AsyncClient(base_url=replicas[0], trust_env=False) as client:
        for body in (b"", b"x" * 200_000):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            assert (await client.post(PATH, content=body, headers=headers)).status_code == 400
        assert (await client.post(PATH, json={"logout_token": "x"})).status_code == 400
        assert (await client.get(PATH)).status_code in (404, 405)
