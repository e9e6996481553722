"""Who is not let in, by any of the services; which tokens hold, the tests of the verifier say."""

import json
import time
from pathlib import Path

import pytest
from fixtures.outside import Caller
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
WRONG = {
    "expired": {"exp": 1},
    "for somebody else": {"aud": "payroll"},
    "an ID token": {"nonce": "n"},
    "of another issuer": {"iss": "https://issuer.example"},
    "signed by another": {},
}


@pytest.fixture
def key(ready):
    file = Path(ready["data"]) / "issuer" / "key.json"
    return ECKey.import_key(json.loads(file.read_text()))


@pytest.fixture
def sign(ready, key):
    """`sign(aud="payroll")`: a token of an administrator of MAMPU, but for these claims."""
    now = int(time.time())
    person = {"sub": "aminah.mampu@mygovuc.gov.my", "agency": "MAMPU", "roles": ["administrator"]}
    claims = {"iss": ready["issuer"], "aud": "bmt-api", "iat": now, "exp": now + 300, **person}

    def sign(by=key, **changed):
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims | changed, by)

    return sign


async def test_the_token_these_are_made_from_is_let_in(http, ready, sign):
    aminah = Caller(http, ready, sign())
    for service, path in DOORS.items():
        assert (await aminah.get(service, path)).status_code in (200, 404)


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_token_that_does_not_hold_opens_no_service(http, ready, sign, key, wrong):
    by = ECKey.generate_key("P-256") if wrong == "signed by another" else key
    stranger = Caller(http, ready, sign(by, **WRONG[wrong]))
    for service, path in DOORS.items():
        answer = await stranger.get(service, path)
        assert_problem(answer, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
