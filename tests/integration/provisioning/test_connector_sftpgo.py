"""SFTPGo, where its program is at hand: what is set is what its owners meet, and what others set is seen."""

import pytest
from connector_benches import sftpgo_of
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts
from fixtures.sftpgo import PASSWORD

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import EffectiveStorage, Granted
from services.provisioning.connectors.connector import TargetAway
from services.provisioning.domain.order import NOTHING_IN_FORCE

pytestmark = pytest.mark.integration

SMALL = EffectiveStorage(enabled=True, quota_bytes=3_000, max_file_size_bytes=2_000)


@pytest.fixture
async def owner(sftpgo, sftpgo_server):
    """An account with a small quota, whose owner can sign in."""
    await sftpgo.connector.apply(sftpgo.account, SMALL)
    await sftpgo_server.set(sftpgo.account, password=PASSWORD)
    return sftpgo.account


async def test_an_owner_meets_the_limits_that_are_read_back(sftpgo, sftpgo_server, owner):
    assert await sftpgo_server.upload(owner, "fits", 2_000) == 201
    assert await sftpgo_server.upload(owner, "too-large", 2_001) == 413
    assert await sftpgo_server.upload(owner, "over-the-quota", 2_000) == 413

    await sftpgo.connector.apply(owner, NOTHING_IN_FORCE.storage)
    assert await sftpgo_server.upload(owner, "closed", 1) == 401


async def test_what_an_administrator_set_besides_stays(sftpgo, sftpgo_server, owner):
    await sftpgo_server.set(owner, description="Siti", password=PASSWORD)
    before = await sftpgo_server.user(owner)
    for wanted in (sftpgo.on, sftpgo.off, SMALL):
        await sftpgo.connector.apply(owner, wanted)

    after = await sftpgo_server.user(owner)
    assert {name for name in before if before[name] != after.get(name)} <= {"updated_at"}
    assert await sftpgo_server.upload(owner, "with-the-same-password", 1) == 201


async def test_what_somebody_else_changes_is_seen(sftpgo, sftpgo_server, owner):
    await sftpgo_server.set(owner, quota_size=0)
    assert (await sftpgo.connector.read_back(owner)).effective.quota_bytes is None

    await sftpgo_server.set(owner, status=0)
    assert (await sftpgo.connector.read_back(owner)).effective == NOTHING_IN_FORCE.storage


async def test_capitals_are_no_other_account(sftpgo, owner):
    assert (await sftpgo.connector.read_back(owner.upper())).effective == SMALL


async def test_a_wrong_key_is_no_empty_answer(sftpgo, sftpgo_server):
    stranger = sftpgo_of(sftpgo_server, key="wrong.key")
    with pytest.raises(TargetAway):
        await stranger.read_back(sftpgo.account)
    await stranger.close()


@pytest.mark.parametrize("path", ["/elsewhere", "/api/v1"])
async def test_a_wrong_address_is_no_empty_answer(sftpgo, sftpgo_server, path):
    stranger = sftpgo_of(sftpgo_server, url=f"{sftpgo_server.url}{path}")
    with pytest.raises(TargetAway):
        await stranger.read_back(sftpgo.account)
    await stranger.close()


async def test_what_is_approved_is_configured_where_the_agency_has_it(
    provisioning, wire, ipms, sftpgo, sftpgo_server, agencies_file
):
    agencies_file.write_text(agencies_file.read_text().replace("copyparty", "sftpgo"))
    account = sftpgo.account.replace("@", ".mampu@")
    await ipms.register(account)
    request = facts(applicant=APPLICANT.model_copy(update={"account": account}))
    granted = Granted(quota_bytes=5000, max_file_size_bytes=2000)
    async with provisioning(sftpgo_url=sftpgo_server.url, sftpgo_key=sftpgo_server.key):
        await wire.say(approved(request, approved=granted, decided_at=clock.now()), sequence=2)
        names = ("ConfigurationStarted", "Configured")
        _, configured = await wire.hear(
            topics.CONFIGURATIONS, request.request_id, *names, seconds=15
        )

    assert {one["connector"] for one in configured.data["evidence"]} == {"scim", "sftpgo"}
    user = await sftpgo_server.user(account)
    assert (user["status"], user["quota_size"]) == (1, 5000)
