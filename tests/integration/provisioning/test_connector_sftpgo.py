"""SFTPGo, where its program is at hand: what is set is what its owners meet, and what others set is seen."""

import pytest
from connector_benches import sftpgo_of
from fixtures.sftpgo import PASSWORD

from bmt.contracts.events import EffectiveStorage
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
    assert await sftpgo_server.upload(owner, "fills-it", 1_500) in {201, 413}
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
