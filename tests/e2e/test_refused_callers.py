"""Who is not let in, and who may not do what: the same in every service."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest
from eventually import eventually
from fixtures.outside import SECONDS, Caller
from fixtures.problems import assert_problem
from joserfc import jwt
from joserfc.jwk import ECKey

pytestmark = pytest.mark.e2e

NOBODY = "01900000-0000-7000-8000-000000000000"
DOORS = {
    "intake": f"/v1/requests/{NOBODY}",
    "approval": "/v1/worklist",
    "provisioning": "/v1/tasks",
    "notification": f"/v1/requests/{NOBODY}/notifications",
    "records": "/v1/records",
}
"""A call of each service that an administrator may make."""


@pytest.fixture
def claims(ready):
    now = int(time.time())
    return {
        "iss": ready["issuer"],
        "aud": "bmt-api",
        "iat": now,
        "exp": now + 300,
        "sub": "aminah.mampu@mygovuc.gov.my",
        "email": "aminah.mampu@mygovuc.gov.my",
        "name": "Aminah binti Yusof",
        "agency": "MAMPU",
        "roles": ["administrator"],
    }


@pytest.fixture
def key(ready):
    file = Path(ready["data"]) / "issuer" / "key.json"
    return ECKey.import_key(json.loads(file.read_text()))


@pytest.fixture
def shut_out(http, ready):
    """`await shut_out(token)`: no service lets it in."""

    async def check(token: str) -> None:
        stranger = Caller(http, ready, token)
        for service, path in DOORS.items():
            answer = await stranger.get(service, path)
            assert_problem(answer, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")

    return check


def signed(claims: dict, key: ECKey, **header) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid, **header}, claims, key)


def by_hand(header: dict, claims: dict, secret: bytes = b"") -> str:
    """A token as an attacker puts it together."""
    content = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.new(secret, content.encode(), hashlib.sha256).digest() if secret else b""
    return f"{content}.{_base64(signature)}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_the_token_these_are_made_from_is_let_in(http, ready, claims, key):
    aminah = Caller(http, ready, signed(claims, key))
    for service, path in DOORS.items():
        assert (await aminah.get(service, path)).status_code in (200, 404)


async def test_nobody_is_let_in_without_a_token(caller):
    for service, path in DOORS.items():
        assert_problem(await caller().get(service, path), "unauthenticated")


async def test_an_expired_token_is_refused(shut_out, token):
    await shut_out(token("administrator", "MAMPU", expires_in=-1))


async def test_a_token_for_somebody_else_is_refused(shut_out, token):
    await shut_out(token("administrator", "MAMPU", audience="payroll"))


@pytest.mark.parametrize("claim", [{}, {"nonce": "n"}, {"at_hash": "MTIz"}, {"typ": "ID"}])
async def test_what_is_meant_for_an_application_opens_no_api(shut_out, claims, key, claim):
    await shut_out(signed({**claims, "aud": "bmt", **claim}, key))
    if claim:
        await shut_out(signed({**claims, **claim}, key))


async def test_a_token_of_another_issuer_is_refused(shut_out, claims, key):
    await shut_out(signed({**claims, "iss": "https://issuer.example"}, key))


async def test_a_token_with_another_signature_is_refused(shut_out, claims, key):
    await shut_out(signed(claims, ECKey.generate_key("P-256"), kid=key.kid))
    good = signed(claims, key)
    await shut_out(good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"))


async def test_a_token_whose_claims_were_changed_is_refused(shut_out, claims, key):
    header, _, signature = signed(claims, key).split(".")
    changed = _base64(json.dumps({**claims, "agency": "JPA"}).encode())
    await shut_out(f"{header}.{changed}.{signature}")


@pytest.mark.parametrize("name", ["none", "None", "NONE"])
async def test_an_unsigned_token_is_refused(shut_out, claims, key, name):
    await shut_out(by_hand({"alg": name, "typ": "JWT", "kid": key.kid}, claims))


async def test_the_public_key_is_no_shared_secret(shut_out, claims, key):
    for secret in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
        await shut_out(by_hand({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims, secret))


@pytest.mark.parametrize("missing", ["exp", "aud", "iss", "sub"])
async def test_a_token_needs_its_claims(shut_out, claims, key, missing):
    await shut_out(signed({name: said for name, said in claims.items() if name != missing}, key))


async def test_what_is_no_token_is_refused(shut_out):
    for nonsense in ("x", "a.b.c", "a.b.c.d.e"):
        await shut_out(nonsense)


WRONG_ROLES = [
    ("applicant", "intake", "GET /v1/inbox"),
    ("auditor", "intake", "GET /v1/inbox"),
    ("applicant", "intake", "POST /v1/emails"),
    ("integrator", "intake", "GET /v1/requests"),
    ("applicant", "approval", "GET /v1/worklist"),
    ("integrator", "approval", "GET /v1/worklist"),
    ("applicant", "approval", f"POST /v1/requests/{NOBODY}/decision"),
    ("auditor", "approval", f"POST /v1/requests/{NOBODY}/decision"),
    ("operator", "approval", f"POST /v1/requests/{NOBODY}/decision"),
    ("integrator", "approval", "POST /v1/decisions"),
    ("applicant", "provisioning", "GET /v1/tasks"),
    ("integrator", "provisioning", f"GET /v1/requests/{NOBODY}/plan"),
    ("auditor", "provisioning", f"POST /v1/tasks/{NOBODY}/claim"),
    ("applicant", "provisioning", f"POST /v1/tasks/{NOBODY}/completion"),
    ("integrator", "notification", f"GET /v1/requests/{NOBODY}/notifications"),
    ("applicant", "notification", f"POST /v1/notifications/{NOBODY}/dispatch"),
    ("auditor", "notification", f"POST /v1/notifications/{NOBODY}/resend"),
    ("integrator", "records", "GET /v1/records"),
    ("applicant", "records", "GET /v1/records"),
    ("integrator", "records", f"GET /v1/records/{NOBODY}"),
]


@pytest.mark.parametrize(("role", "service", "call"), WRONG_ROLES, ids=str)
async def test_a_role_that_may_not_is_refused(caller, role, service, call):
    method, path = call.split()
    who = caller(role, "MAMPU")
    answer = await (who.get(service, path) if method == "GET" else who.post(service, path, {}))
    assert_problem(answer, "forbidden")


async def test_a_token_without_a_role_may_nothing(http, ready, claims, key):
    nobody = Caller(http, ready, signed({**claims, "roles": []}, key))
    for service, path in DOORS.items():
        assert_problem(await nobody.get(service, path), "forbidden")


async def test_another_agencys_request_is_not_there_for_anybody_in_any_service(caller):
    aminah = caller("administrator", "MAMPU")
    request_id = await aminah.submit(account="kamal.mampu@mygovuc.gov.my", reply_through="form")
    notices = f"/v1/requests/{request_id}/notifications"
    await aminah.once_known("records", f"/v1/records/{request_id}")
    prepared = await eventually(lambda: _prepared(aminah, notices), SECONDS)
    notice = f"/v1/notifications/{prepared['notification_id']}"
    paper = f"/v1/documents/{prepared['document_id']}"
    await aminah.once_known("records", paper)

    jpa = caller("administrator", "JPA")
    auditor = caller("auditor", "KPM")
    ravi = caller("applicant", "MAMPU", "ravi.mampu@mygovuc.gov.my")
    for service, path in [
        ("intake", f"/v1/requests/{request_id}"),
        ("approval", f"/v1/requests/{request_id}"),
        ("provisioning", f"/v1/requests/{request_id}/plan"),
        ("notification", notices),
        ("notification", f"{notice}/document"),
        ("records", f"/v1/records/{request_id}"),
        ("records", paper),
    ]:
        assert_problem(await jpa.get(service, path), "not_found")
        for stranger in (auditor, ravi):
            answer = await stranger.get(service, path)
            assert_problem(answer, "forbidden" if answer.status_code == 403 else "not_found")
    for service, path, body in [
        ("intake", f"/v1/requests/{request_id}/withdrawal", {"reason": "x"}),
        ("approval", f"/v1/requests/{request_id}/decision", {"decision": "approve"}),
        ("notification", f"{notice}/dispatch", {}),
        ("notification", f"{notice}/resend", None),
    ]:
        assert_problem(await jpa.post(service, path, body), "not_found")
    lists = [("intake", "/v1/requests"), ("approval", "/v1/worklist"), ("records", "/v1/records")]
    for service, path in lists:
        assert request_id not in (await jpa.get(service, path, params={"limit": 200})).text


async def _prepared(caller, notices: str) -> dict:
    (notice,) = (await caller.once_known("notification", notices)).json()["items"]
    assert notice["status"] == "prepared"
    return notice
