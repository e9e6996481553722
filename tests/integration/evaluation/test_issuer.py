"""The embedded issuer: its tokens verify with what it publishes."""

import time

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from evaluation.issuer import Holder, Issuer

pytestmark = pytest.mark.integration

AMINAH = Holder("aminah.mampu@mygovuc.gov.my", "Aminah", "MAMPU", ["administrator"])


@pytest.fixture
def issuer(embedded_issuer):
    return embedded_issuer


async def published_keys(issuer):
    async with httpx.AsyncClient(trust_env=False) as client:
        discovery = (await client.get(f"{issuer.url}/.well-known/openid-configuration")).json()
        assert discovery["issuer"] == issuer.url
        return KeySet.import_key_set((await client.get(discovery["jwks_uri"])).json())


async def test_a_token_verifies_with_the_published_keys(issuer):
    token = issuer.mint().token(AMINAH, expires_in=60)

    claims = jwt.decode(token, await published_keys(issuer)).claims

    assert claims["iss"] == issuer.url
    assert claims["aud"] == "bmt-api"
    assert claims["sub"] == claims["email"] == AMINAH.subject
    assert (claims["agency"], claims["roles"]) == ("MAMPU", ["administrator"])
    assert claims["exp"] - claims["iat"] == 60


async def test_a_token_of_another_key_does_not_verify(issuer, tmp_path):
    other = Issuer(tmp_path / "key.json", issuer.port).mint()
    forged = other.token(AMINAH).rsplit(".", 1)[1]
    head = issuer.mint().token(AMINAH).rsplit(".", 1)[0]

    with pytest.raises(BadSignatureError):
        jwt.decode(f"{head}.{forged}", await published_keys(issuer))


async def test_an_expired_token_for_another_audience_can_be_made_to_try_it(issuer):
    token = issuer.mint().token(AMINAH, expires_in=-10, audience="other")

    claims = jwt.decode(token, await published_keys(issuer)).claims

    assert claims["exp"] < time.time()
    assert claims["aud"] == "other"


async def test_no_private_part_of_the_key_is_published(issuer):
    async with httpx.AsyncClient(trust_env=False) as client:
        keys = (await client.get(f"{issuer.url}/keys")).json()["keys"]

    assert [set(key) & {"d", "p", "q"} for key in keys] == [set()]
    assert issuer.key.stat().st_mode & 0o077 == 0
