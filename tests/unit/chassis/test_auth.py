"""Only a token that the issuer signed for us, and that still holds, tells who is calling."""

import time

import httpx
import pytest
from fixtures.issuer import Issuer, ec_key, rsa_key
from fixtures.problems import assert_problem
from joserfc.jwk import OctKey, OKPKey

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import IssuerKeys, Principal, TokenVerifier
from bmt.contracts.problems import Refused


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


async def test_a_token_tells_who_is_calling_in_roles_that_there_are(verifier, issuer):
    told = {"email": "a@jpa.my", "name": "Aminah", "agency": "JPA"}
    caller = await verifier.principal(issuer.token("aminah", "administrator", "emperor", **told))
    assert caller == Principal("aminah", roles=frozenset({"administrator"}), **told)
    caller = await verifier.principal(issuer.token("hrmis", without="roles"))
    assert caller == Principal("hrmis", "", "hrmis", "", frozenset())


@pytest.mark.parametrize("audience", ["bmt-api", ["other", "bmt-api"]])
async def test_the_audience_may_be_one_or_among_several(verifier, issuer, audience):
    assert await verifier.principal(issuer.token(aud=audience))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # some issuers still say it so
@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", None),
        ("ES256", ec_key("ec")),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "ed"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "ed"})),
    ],
)
async def test_other_public_key_signatures_are_accepted(verifier, issuer, algorithm, key):
    issuer.keys += [key] if key else []
    token = issuer.token(key=key, header={"alg": algorithm})
    assert (await verifier.principal(token)).subject == "aminah"


async def test_a_changed_payload_is_refused(verifier, issuer):
    header, _, signature = issuer.token("aminah").split(".")
    payload = issuer.token("minister").split(".")[1]
    with pytest.raises(Refused, match="signature"):
        await verifier.principal(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    "rubbish", ["", "a", "a.b.c", "....", "x" * 200_000, "\u00e9.\u00e9.\u00e9"]
)
async def test_what_is_no_token_is_refused(verifier, rubbish):
    with pytest.raises(Refused) as refused:
        await verifier.principal(rubbish)
    assert refused.value.problem == "unauthenticated"


async def test_a_symmetric_key_in_the_key_set_is_passed_over(issuer):
    secret = OctKey.generate_key(256, {"kid": "shared"})
    issuer.keys.append(secret)
    keys = IssuerKeys(issuer.url, issuer.client())
    assert await keys.find("shared") is None
    assert await keys.find("first") is not None


async def test_a_remembered_token_is_forgotten_when_it_expires(issuer):
    clock = Clock()
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client()), "bmt-api", now=clock)
    token = issuer.token(expires_in=60)
    assert await verifier.principal(token) is await verifier.principal(token)
    clock.now += 60
    with pytest.raises(Refused, match="expired"):
        await verifier.principal(token)


async def test_only_so_many_tokens_are_remembered(issuer):
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client()), "bmt-api", remembered=2)
    for number in range(5):
        await verifier.principal(issuer.token(str(number)))
    assert len(verifier._remembered) == 2


async def test_a_new_key_is_fetched_when_a_token_names_it(verifier, issuer):
    await verifier.principal(issuer.token())
    issuer.keys.append(rsa_key("second"))
    assert await verifier.principal(issuer.token(key=issuer.keys[1]))


async def test_unknown_keys_do_not_make_callers_drive_the_issuer(issuer):
    clock = Clock()
    keys = IssuerKeys(issuer.url, issuer.client(), pause_seconds=3, monotonic=clock)
    for number in range(20):
        assert await keys.find(f"unknown-{number}") is None
    assert issuer.fetches == 1
    clock.now += 4
    await keys.find("unknown")
    assert issuer.fetches == 2


async def test_known_keys_serve_while_the_issuer_is_away(verifier, issuer):
    await verifier.principal(issuer.token())
    issuer.away = True
    assert await verifier.principal(issuer.token("siti"))


async def test_a_withdrawn_key_is_forgotten_in_time(issuer):
    clock = Clock()
    keys = IssuerKeys(issuer.url, issuer.client(), age_seconds=600, monotonic=clock)
    assert await keys.find("first")
    issuer.keys = [rsa_key("second")]
    clock.now += 601
    assert await keys.find("first")
    assert await keys.find("second")
    assert await keys.find("first") is None


async def test_another_issuers_discovery_document_is_not_trusted(verifier, issuer):
    issuer.says_it_is = "https://elsewhere.test"
    with pytest.raises(Unavailable):
        await verifier.principal(issuer.token())


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "token"])
async def test_a_call_without_a_bearer_token_is_unauthenticated(client, header):
    response = await client.get("/v1/me", headers={"Authorization": header} if header else {})
    assert_problem(response, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_refused_token_is_not_repeated(client, issuer):
    token = issuer.token(expires_in=-1)
    response = await client.get("/v1/me", headers=bearer(token))
    assert "expired" in assert_problem(response, "unauthenticated")["detail"]
    assert token not in response.text


async def test_the_scheme_is_read_in_any_case(client, issuer):
    headers = {"Authorization": f"bearer {issuer.token()}"}
    assert (await client.get("/v1/me", headers=headers)).json()["subject"] == "aminah"


async def test_a_caller_is_known_before_the_body_is_read(client: httpx.AsyncClient):
    anonymous = await client.post("/v1/parcels", content=b"{ not json")
    assert_problem(anonymous, "unauthenticated")


async def test_while_the_issuer_is_away_the_call_can_be_made_again(client, issuer: Issuer):
    issuer.away = True
    response = await client.get("/v1/me", headers=bearer(issuer.token()))
    assert assert_problem(response, "unavailable")["part"] == "issuer"
    assert int(response.headers["retry-after"]) >= 1
