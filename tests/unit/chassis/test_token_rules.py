"""RFC 8725, point by point: tokens with a right signature of the issuer that still must not pass.

Each token is put together by hand, since no library would write most of them.
"""

import time
from base64 import urlsafe_b64encode

import orjson
import pytest
from fixtures.issuer import Issuer, ec_key, rsa_key
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from bmt.chassis.http.auth import MOST_CHARACTERS, IssuerKeys, TokenVerifier
from bmt.contracts.problems import Refused

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


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


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
    with pytest.raises(Refused, match=reason) as refused:
        await verifier.principal(signed(signing_key, payload))
    assert refused.value.problem == "unauthenticated"


@pytest.mark.parametrize(("header", "reason"), HEADERS.values(), ids=HEADERS)
async def test_a_token_with_such_a_header_is_refused(verifier, signing_key, header, reason):
    with pytest.raises(Refused, match=reason) as refused:
        await verifier.principal(signed(signing_key, claims(), header))
    assert refused.value.problem == "unauthenticated"


async def test_a_key_that_comes_with_the_token_is_not_used(verifier):
    intruder = rsa_key("first")
    header = {"alg": "RS256", "kid": "first", "jwk": intruder.as_dict(private=False)}
    with pytest.raises(Refused):
        await verifier.principal(signed(intruder, claims(), orjson.dumps(header)))


async def test_a_token_that_is_too_long_is_not_looked_at(verifier, signing_key):
    token = signed(signing_key, claims(',"x":"' + "x" * MOST_CHARACTERS + '"'))
    with pytest.raises(Refused, match="longer"):
        await verifier.principal(token)


@pytest.mark.parametrize("change", [" {}", "{}=", "{}\0", "{}\n", "{}.", ".{}", "{}.{}"])
async def test_a_token_that_is_written_otherwise_is_refused(verifier, signing_key, change):
    token = signed(signing_key, claims())
    with pytest.raises(Refused):
        await verifier.principal(change.replace("{}", token))


async def test_a_key_that_is_for_another_algorithm_is_not_used_for_this_one(issuer, signing_key):
    document = {**signing_key.as_dict(private=True), "alg": "PS256", "kid": "ps"}
    issuer.keys = [RSAKey.import_key(document)]
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client()), "bmt-api")
    with pytest.raises(Refused):
        await verifier.principal(signed(signing_key, claims(), b'{"alg":"RS256","kid":"ps"}'))


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_a_weak_key_is_passed_over(issuer):
    weak = RSAKey.generate_key(1024, {"kid": "weak", "use": "sig"})
    issuer.keys.append(weak)
    keys = IssuerKeys(issuer.url, issuer.client())
    assert await keys.find("weak") is None
    assert await keys.find("first") is not None


async def test_a_key_for_encryption_is_passed_over(issuer):
    document = {**rsa_key("enc").as_dict(private=True), "use": "enc"}
    issuer.keys.append(RSAKey.import_key(document))
    assert await IssuerKeys(issuer.url, issuer.client()).find("enc") is None


async def test_a_token_without_a_key_name_passes_only_where_there_is_one_key(issuer, signing_key):
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client(), pause_seconds=0), "bmt-api")
    unnamed = b'{"alg":"RS256"}'
    assert await verifier.principal(signed(signing_key, claims(), unnamed))
    issuer.keys.append(ec_key("second"))
    await verifier.principal(issuer.token(key=issuer.keys[1], header={"alg": "ES256"}))
    with pytest.raises(Refused, match="publishes"):
        await verifier.principal(signed(signing_key, claims(), unnamed))


async def test_a_remembered_token_is_not_verified_again(issuer):
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client()), "bmt-api")
    token = issuer.token()
    first = await verifier.principal(token)
    verifier._tokens = None
    assert await verifier.principal(token) is first


async def test_a_remembered_token_does_not_outlive_its_key_by_more_than_a_refresh(issuer):
    clock = Clock(time.monotonic())
    keys = IssuerKeys(issuer.url, issuer.client(), age_seconds=600, monotonic=clock)
    verifier = TokenVerifier(keys, "bmt-api")
    token = issuer.token(expires_in=3600)
    await verifier.principal(token)
    issuer.keys = [rsa_key("second")]

    clock.now += 599
    assert await verifier.principal(token)
    clock.now += 2
    await verifier.principal(token)  # which has the keys fetched again
    await keys._fetching

    with pytest.raises(Refused, match="publishes"):
        await verifier.principal(token)


async def test_a_remembered_token_outlives_a_refresh_that_brings_nothing_new(issuer):
    clock = Clock(time.monotonic())
    keys = IssuerKeys(issuer.url, issuer.client(), age_seconds=600, monotonic=clock)
    verifier = TokenVerifier(keys, "bmt-api")
    token = issuer.token(expires_in=3600)
    first = await verifier.principal(token)
    clock.now += 601
    await verifier.principal(token)
    await keys._fetching
    assert issuer.fetches == 2
    assert await verifier.principal(token) is first


async def test_what_was_refused_is_not_remembered(issuer: Issuer, signing_key):
    clock = Clock(NOW)
    verifier = TokenVerifier(IssuerKeys(issuer.url, issuer.client()), "bmt-api", now=clock)
    token = signed(signing_key, claims(nbf=NOW + 60))
    with pytest.raises(Refused, match="nbf"):
        await verifier.principal(token)
    clock.now += 60
    assert await verifier.principal(token)


async def test_a_former_audience_is_taken_as_long_as_a_setting_names_it(issuer, signing_key):
    keys = IssuerKeys(issuer.url, issuer.client())
    before = signed(signing_key, claims(aud="bmt"))
    for_both = signed(signing_key, claims(aud=["bmt", "account"]))
    changing = TokenVerifier(keys, "bmt-api", audience_before="bmt")
    for token in (before, for_both, signed(signing_key, claims())):
        assert (await changing.principal(token)).subject == "aminah"
    for token in (signed(signing_key, claims(aud="payroll")), signed(signing_key, claims(aud=""))):
        with pytest.raises(Refused, match="aud"):
            await changing.principal(token)
    with pytest.raises(Refused, match="aud"):
        await TokenVerifier(keys, "bmt-api").principal(before)


@pytest.mark.parametrize("claim", [{"nonce": "n"}, {"at_hash": "h"}, {"typ": "ID"}])
async def test_an_id_token_of_a_client_with_that_name_is_none(issuer, signing_key, claim):
    verifier = TokenVerifier(
        IssuerKeys(issuer.url, issuer.client()), "bmt-api", audience_before="bmt"
    )
    with pytest.raises(Refused, match="no access token"):
        await verifier.principal(signed(signing_key, claims(aud="bmt", **claim)))


@pytest.mark.parametrize(
    ("typ", "taken"),
    [
        ("at+jwt", True),
        ("application/at+jwt", True),
        ("AT+JWT", True),
        ("JWT", False),
        ("", False),
        (None, False),
    ],
)
async def test_where_the_issuer_says_the_type_nothing_else_is_an_access_token(
    issuer, signing_key, typ, taken
):
    keys = IssuerKeys(issuer.url, issuer.client())
    verifier = TokenVerifier(keys, "bmt-api", at_jwt_alone=True)
    header = {"alg": "RS256", "kid": "first", **({} if typ is None else {"typ": typ})}
    token = signed(signing_key, claims(), orjson.dumps(header))
    if taken:
        assert (await verifier.principal(token)).subject == "aminah"
    else:
        with pytest.raises(Refused, match="type is not"):
            await verifier.principal(token)
