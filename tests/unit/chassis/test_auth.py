"""Only a token that the issuer signed for us, and that still holds, tells who is calling."""

import time
from base64 import urlsafe_b64encode

import httpx
import orjson
import pytest
from fixtures.issuer import Issuer, ec_key, rsa_key
from fixtures.problems import assert_problem
from joserfc.jwk import OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import MOST_CHARACTERS, IssuerKeys, Principal, TokenVerifier
from bmt.contracts.problems import Refused


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def keys_of(issuer: Issuer, **more) -> IssuerKeys:
    return IssuerKeys(issuer.url, issuer.client(), **more)


def verifying(issuer: Issuer, **more) -> TokenVerifier:
    return TokenVerifier(keys_of(issuer), "bmt-api", **more)


async def assert_refused(verifier: TokenVerifier, token: str, reason: str | None = None) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        await verifier.principal(token)
    assert refused.value.problem == "unauthenticated"


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

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
    await assert_refused(verifier, f"{header}.{payload}.{signature}", "signature")


@pytest.mark.parametrize(
    "rubbish", ["", "a", "a.b.c", "....", "x" * 200_000, "\u00e9.\u00e9.\u00e9"]
)
async def test_what_is_no_token_is_refused(verifier, rubbish):
    await assert_refused(verifier, rubbish)


async def test_a_remembered_token_is_forgotten_when_it_expires(issuer):
    clock = Clock(time.time())
    verifier = verifying(issuer, now=clock)
    token = issuer.token(expires_in=60)
    assert await verifier.principal(token) is await verifier.principal(token)
    clock.now += 60
    await assert_refused(verifier, token, "expired")


async def test_only_so_many_tokens_are_remembered(issuer):
    verifier = verifying(issuer, remembered=2)
    for number in range(5):
        await verifier.principal(issuer.token(str(number)))
    assert len(verifier._remembered) == 2


async def test_a_new_key_is_fetched_when_a_token_names_it(verifier, issuer):
    await verifier.principal(issuer.token())
    issuer.keys.append(rsa_key("second"))
    assert await verifier.principal(issuer.token(key=issuer.keys[1]))


async def test_unknown_keys_do_not_make_callers_drive_the_issuer(issuer):
    clock = Clock(time.time())
    keys = keys_of(issuer, pause_seconds=3, monotonic=clock)
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
    clock = Clock(time.time())
    keys = keys_of(issuer, age_seconds=600, monotonic=clock)
    assert await keys.find("first")
    issuer.keys = [rsa_key("second")]
    clock.now += 601
    found = [await keys.find(name) for name in ("first", "second", "first")]
    assert [bool(key) for key in found] == [True, True, False]


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
    response = await client.get("/v1/me", headers={"Authorization": f"bearer {token}"})
    assert "expired" in assert_problem(response, "unauthenticated")["detail"]
    assert token not in response.text


async def test_a_caller_is_known_before_the_body_is_read(client: httpx.AsyncClient):
    anonymous = await client.post("/v1/parcels", content=b"{ not json")
    assert_problem(anonymous, "unauthenticated")


async def test_while_the_issuer_is_away_the_call_can_be_made_again(client, issuer: Issuer):
    issuer.away = True
    response = await client.get("/v1/me", headers=bearer(issuer.token()))
    assert assert_problem(response, "unavailable")["part"] == "issuer"
    assert int(response.headers["retry-after"]) >= 1


NOW = int(time.time())

LATER = NOW + 7200

"""Later than the last of these tests, which may come long after this was read."""

HEADER = b'{"alg":"RS256","kid":"first"}'


def claims(more: str = "", **changes) -> bytes:
    """A payload that is right but for this."""
    said = {"iss": "https://issuer.test", "aud": "bmt-api", "sub": "aminah", "exp": LATER}
    text = orjson.dumps({**said, **changes}).decode()
    return (text[:-1] + more + "}").encode()


def base64(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def signed(key: RSAKey, payload: bytes, header: bytes = HEADER) -> str:
    content = f"{base64(header)}.{base64(payload)}"
    signature = JWSRegistry.algorithms["RS256"].sign(content.encode(), key)
    return f"{content}.{base64(signature)}"


async def test_the_token_that_these_are_made_from_passes(verifier, signing_key):
    assert (await verifier.principal(signed(signing_key, claims()))).subject == "aminah"


@pytest.mark.parametrize(
    ("told", "address"),
    [({}, "a@jpa.my"), ({"email_verified": True}, "a@jpa.my"), ({"email_verified": False}, "")],
)
async def test_an_address_that_the_issuer_calls_unverified_is_nobodys(
    verifier, signing_key, told, address
):
    token = signed(signing_key, claims(email="a@jpa.my", **told))
    assert (await verifier.principal(token)).email == address


PAYLOADS = {
    "a claim twice": (claims(',"roles":[],"roles":["administrator"]'), "twice"),
    "the subject twice": (claims(',"sub":"minister"'), "twice"),
    "a claim twice, one escaped": (claims(',"s\\u0075b":"minister"'), "twice"),
    "exp is not a number": (claims(',"exp":NaN').replace(b'"exp":%d,' % (LATER), b""), "JSON"),
    "exp is text": (claims(exp="tomorrow"), "exp"),
    "exp is true": (claims(exp=True), "exp"),
    "exp is a list": (claims(exp=[LATER]), "exp"),
    "exp is no time": (claims(exp=10**19), "exp"),
    "exp is before all time": (claims(exp=-1), "expired"),
    "it has expired": (claims(exp=NOW - 1), "expired"),
    "no exp": (claims().replace(b'"exp"', b'"expires"'), "exp"),
    "not yet": (claims(nbf=NOW + 3600), "nbf"),
    "not yet, as text": (claims(nbf="later"), "nbf"),
    "issued in the future": (claims(iat=NOW + 3600), "iat"),
    "issued at no time": (claims(iat=True), "iat"),
    "the issuer is a list": (claims(iss=["https://issuer.test"]), "iss"),
    "another issuer": (claims(iss="https://issuer.test/"), "iss"),
    "the audience is an object": (claims(aud={"bmt-api": 1}), "aud"),
    "another audience": (claims(aud="bmt"), "aud"),
    "no audience": (claims(aud=[]), "aud"),
    "other audiences": (claims(aud=["bmt", "bmt-api2"]), "aud"),
    "an audience that holds ours as a part": (claims(aud="xbmt-apix"), "aud"),
    "no subject": (claims(sub=""), "sub"),
    "the subject is a number": (claims(sub=7), "sub"),
    "a NUL in the subject": (claims(sub="a\0b"), "sub"),
    "a line break in the name": (claims(name="a\nb"), "name"),
    "a name of a thousand characters": (claims(name="a" * 1000), "name"),
    "a lone surrogate": (claims(',"name":"\\ud800"'), "JSON"),
    "the agency is a list": (claims(agency=["MAMPU"]), "agency"),
    "roles as text": (claims(roles="administrator"), "roles"),
    "roles that are no names": (claims(roles=[["administrator"], {"a": 1}]), "roles"),
    "an ID token's nonce": (claims(nonce="n-0S6"), "nonce"),
    "an ID token's nonce, empty": (claims(nonce=None), "nonce"),
    "an ID token's hash of an access token": (claims(at_hash="MTIzNDU2Nzg5MDEyMzQ1Ng"), "at_hash"),
    "Keycloak's ID token": (claims(typ="ID"), "typ"),
    "Keycloak's refresh token": (claims(typ="Refresh"), "typ"),
    "a logout token's event": (claims(events={}), "events"),
    "a payload that is a list": (b'["aminah"]', "object"),
    "a payload nested too deeply": (claims(',"x":' + "[" * 500 + "]" * 500), "nested"),
    "no JSON": (b"aminah", "JSON"),
}

HEADERS = {
    "none": (b'{"alg":"none","kid":"first"}', "algorithm"),
    "no algorithm": (b'{"kid":"first"}', "algorithm"),
    "a list of algorithms": (b'{"alg":["RS256"],"kid":"first"}', "algorithm"),
    "an algorithm that is not allowed": (b'{"alg":"RS512","kid":"first"}', "algorithm"),
    "a shared secret": (b'{"alg":"HS256","kid":"first"}', "algorithm"),
    "the algorithm twice": (b'{"alg":"none","alg":"RS256","kid":"first"}', "twice"),
    "another algorithm than was signed with": (b'{"alg":"PS256","kid":"first"}', "signature"),
    "an algorithm of another key": (b'{"alg":"ES256","kid":"first"}', "refused"),
    "an unknown extension": (b'{"alg":"RS256","kid":"first","crit":["x"],"x":1}', "crit"),
    "extensions, none of them": (b'{"alg":"RS256","kid":"first","crit":[]}', "crit"),
    "an unencoded payload": (b'{"alg":"RS256","kid":"first","b64":false,"crit":["b64"]}', "crit"),
    "another type": (b'{"alg":"RS256","kid":"first","typ":"logout+jwt"}', "type"),
    "several types": (b'{"alg":"RS256","kid":"first","typ":["JWT"]}', "type"),
    "an unknown key": (b'{"alg":"RS256","kid":"last"}', "publishes"),
    "a key that is a number": (b'{"alg":"RS256","kid":1}', "publishes"),
    "a key that is a list": (b'{"alg":"RS256","kid":["first"]}', "refused"),
    "nested too deeply": (b'{"alg":"RS256","x":' + b"[" * 500 + b"]" * 500 + b"}", "nested"),
    "a list": (b'["RS256"]', "object"),
}


@pytest.mark.parametrize(("payload", "reason"), PAYLOADS.values(), ids=PAYLOADS)
async def test_a_token_with_such_claims_is_refused(verifier, signing_key, payload, reason):
    await assert_refused(verifier, signed(signing_key, payload), reason)


@pytest.mark.parametrize(("header", "reason"), HEADERS.values(), ids=HEADERS)
async def test_a_token_with_such_a_header_is_refused(verifier, signing_key, header, reason):
    await assert_refused(verifier, signed(signing_key, claims(), header), reason)


async def test_a_key_that_comes_with_the_token_is_not_used(verifier):
    intruder = rsa_key("first")
    header = {"alg": "RS256", "kid": "first", "jwk": intruder.as_dict(private=False)}
    await assert_refused(verifier, signed(intruder, claims(), orjson.dumps(header)))


async def test_a_token_that_is_too_long_is_not_looked_at(verifier, signing_key):
    token = signed(signing_key, claims(',"x":"' + "x" * MOST_CHARACTERS + '"'))
    await assert_refused(verifier, token, "longer")


@pytest.mark.parametrize("change", [" {}", "{}=", "{}\0", "{}\n", "{}.", ".{}", "{}.{}"])
async def test_a_token_that_is_written_otherwise_is_refused(verifier, signing_key, change):
    await assert_refused(verifier, change.replace("{}", signed(signing_key, claims())))


async def test_a_key_that_is_for_another_algorithm_is_not_used_for_this_one(issuer, signing_key):
    document = {**signing_key.as_dict(private=True), "alg": "PS256", "kid": "ps"}
    issuer.keys = [RSAKey.import_key(document)]
    token = signed(signing_key, claims(), b'{"alg":"RS256","kid":"ps"}')
    await assert_refused(verifying(issuer), token)


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize(
    "make",
    [
        lambda: RSAKey.generate_key(1024, {"kid": "other", "use": "sig"}),
        lambda: RSAKey.import_key({**rsa_key("other").as_dict(private=True), "use": "enc"}),
        lambda: OctKey.generate_key(256, {"kid": "other"}),
    ],
    ids=["weak", "for encryption", "symmetric"],
)
async def test_a_key_that_signs_nothing_for_us_is_passed_over(issuer, make):
    issuer.keys.append(make())
    keys = keys_of(issuer)
    assert await keys.find("other") is None
    assert await keys.find("first") is not None


async def test_a_token_without_a_key_name_passes_only_where_there_is_one_key(
    issuer, verifier, signing_key
):
    unnamed = signed(signing_key, claims(), b'{"alg":"RS256"}')
    assert await verifier.principal(unnamed)
    issuer.keys.append(ec_key("second"))
    await verifier.principal(issuer.token(key=issuer.keys[1], header={"alg": "ES256"}))
    await assert_refused(verifier, unnamed, "publishes")


async def test_a_remembered_token_is_not_verified_again(issuer):
    verifier, token = verifying(issuer), issuer.token()
    first = await verifier.principal(token)
    verifier._tokens = None
    assert await verifier.principal(token) is first


@pytest.mark.parametrize("key_is_gone", [True, False])
async def test_a_remembered_token_outlives_a_refresh_unless_its_key_is_gone(issuer, key_is_gone):
    clock = Clock(time.monotonic())
    keys = keys_of(issuer, age_seconds=600, monotonic=clock)
    verifier = TokenVerifier(keys, "bmt-api")
    token = issuer.token(expires_in=3600)
    first = await verifier.principal(token)
    if key_is_gone:
        issuer.keys = [rsa_key("second")]
    clock.now += 599
    assert await verifier.principal(token) is first
    clock.now += 2
    await verifier.principal(token)  # which has the keys fetched again
    await keys._fetching
    assert issuer.fetches == 2
    if key_is_gone:
        await assert_refused(verifier, token, "publishes")
    else:
        assert await verifier.principal(token) is first


async def test_what_was_refused_is_not_remembered(issuer: Issuer, signing_key):
    clock = Clock(NOW)
    verifier = verifying(issuer, now=clock)
    token = signed(signing_key, claims(nbf=NOW + 60))
    await assert_refused(verifier, token, "nbf")
    clock.now += 60
    assert await verifier.principal(token)


@pytest.mark.parametrize(
    ("audience", "is_taken"),
    [("bmt", True), (["bmt", "account"], True), ("bmt-api", True), ("payroll", False), ("", False)],
)
async def test_a_former_audience_is_taken_as_long_as_a_setting_names_it(
    issuer, signing_key, audience, is_taken
):
    token, changing = (
        signed(signing_key, claims(aud=audience)),
        verifying(issuer, audience_before="bmt"),
    )
    if is_taken:
        assert (await changing.principal(token)).subject == "aminah"
    else:
        await assert_refused(changing, token, "aud")


@pytest.mark.parametrize("claim", [{"nonce": "n"}, {"at_hash": "h"}, {"typ": "ID"}])
async def test_an_id_token_of_a_client_with_that_name_is_none(issuer, signing_key, claim):
    token = signed(signing_key, claims(aud="bmt", **claim))
    await assert_refused(verifying(issuer, audience_before="bmt"), token, "no access token")


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT", "JWT", "", None])
async def test_where_the_issuer_says_the_type_nothing_else_is_an_access_token(
    issuer, signing_key, typ
):
    header = {"alg": "RS256", "kid": "first", **({} if typ is None else {"typ": typ})}
    token = signed(signing_key, claims(), orjson.dumps(header))
    verifier = verifying(issuer, at_jwt_alone=True)
    if typ and "at+jwt" in typ.lower():
        assert (await verifier.principal(token)).subject == "aminah"
    else:
        await assert_refused(verifier, token, "type is not")
