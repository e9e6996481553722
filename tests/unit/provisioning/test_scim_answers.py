"""Which answers of IPMS are an outage, and which a refusal: those that the real one cannot be made to give."""

import httpx2
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors.connector import TargetAway, TargetRefused
from services.provisioning.connectors.scim import EXTENSION, Scim

ON = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=5)
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def answering(*answers: httpx2.Response) -> Alone:
    """IPMS gives these answers, one after the other."""
    left = list(answers)
    transport = httpx2.MockTransport(lambda _: left.pop(0))
    client = httpx2.AsyncClient(transport=transport, base_url="http://ipms/v2")
    return Alone(Scim(client, clock.now))


def scim_error(status: int) -> httpx2.Response:
    body = {"schemas": [ERROR], "status": str(status), "detail": "because"}
    return httpx2.Response(status, json=body, headers={"content-type": "application/scim+json"})


def found(*users: dict) -> httpx2.Response:
    body = {"schemas": [LIST], "totalResults": len(users), "Resources": list(users)}
    return httpx2.Response(200, json=body, headers={"content-type": "application/scim+json"})


def user(**service: object) -> dict:
    return {"schemas": [USER, EXTENSION], "id": "1", "userName": "siti", EXTENSION: service}


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 401])
async def test_what_passes_or_is_an_operators_to_mend_is_an_outage(status):
    for answer in (scim_error(status), httpx2.Response(status, text="<h1>no</h1>")):
        with pytest.raises(TargetAway):
            await answering(answer).read_back("siti")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 423])
async def test_what_waiting_does_not_change_is_a_refusal(status):
    for answer in (scim_error(status), httpx2.Response(status, text="<h1>no</h1>")):
        with pytest.raises(TargetRefused) as refused:
            await answering(found(user()), answer).apply("siti", ON)
        assert refused.value.retryable
        assert str(status) in refused.value.reason


async def test_an_answer_that_is_not_scim_is_an_outage():
    for text in ("<h1>Welcome</h1>", "[]", '{"schemas": ["other"]}'):
        with pytest.raises(TargetAway):
            await answering(httpx2.Response(200, text=text)).read_back("siti")


async def test_two_accounts_of_one_name_are_refused():
    with pytest.raises(TargetRefused, match="more than one"):
        await answering(found(user(), user())).read_back("siti")


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        ({}, (False, None)),
        ({"bmtEnabled": True}, (True, None)),
        ({"bmtEnabled": True, "maxFileSizeBytes": "9007199254740993"}, (True, 9007199254740993)),
        ({"bmtEnabled": False, "maxFileSizeBytes": "about 2 GB"}, (False, None)),
    ],
)
async def test_what_is_not_a_size_is_none(service, shown):
    reading = await answering(found(user(**service))).read_back("siti")

    effective = reading.effective
    assert (effective.bmt_enabled, effective.max_file_size_bytes) == shown
