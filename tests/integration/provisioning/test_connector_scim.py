"""What is particular to IPMS by SCIM."""

import httpx2
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from services.provisioning.connectors.connector import TargetAway, TargetRefused
from services.provisioning.connectors.scim import Scim

pytestmark = pytest.mark.integration


async def test_ipms_cannot_give_the_service_to_an_account_it_does_not_know(scim):
    for attempt in (scim.connector.plan, scim.connector.apply):
        with pytest.raises(TargetRefused, match="not registered"):
            await attempt("nobody@mygovuc.gov.my", scim.on)


async def test_an_account_that_ipms_does_not_know_has_nothing_to_take_away(scim):
    await scim.connector.apply("nobody@mygovuc.gov.my", scim.off)

    assert (await scim.connector.read_back("nobody@mygovuc.gov.my")).effective == scim.off


async def test_ipms_finds_an_account_whatever_its_case(scim):
    await scim.connector.apply(scim.account.upper(), scim.on)

    assert (await scim.connector.read_back(scim.account)).effective == scim.on


async def test_what_else_ipms_keeps_of_an_account_is_no_obstacle(scim, ipms):
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    account = f"rich-{clock.new_id()}"
    async with ipms.client() as client:
        user = {"userName": account, enterprise: {"department": "Unit Rangkaian"}}
        schemas = ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise]
        (await client.post("/Users", json={"schemas": schemas, **user})).raise_for_status()

    await scim.connector.apply(account, scim.on)

    assert (await scim.connector.read_back(account)).effective == scim.on
    assert await ipms.service(account) == {"bmtEnabled": True, "maxFileSizeBytes": "2000000000"}


async def test_a_wrong_token_is_no_requests_fault(scim, ipms):
    stranger = Alone(Scim(httpx2.AsyncClient(base_url=ipms.part.url), clock.now))

    with pytest.raises(TargetAway) as away:
        await stranger.plan(scim.account, scim.on)

    assert away.value.reason == "answers 401"
    await stranger.close()
