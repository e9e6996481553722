"""What is particular to the transfer storage: quotas that hold, volumes that close, files that are safe."""

import pytest
from connector_benches import copyparty_of

from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors.connector import TargetAway, TargetRefused
from services.provisioning.connectors.volume_files import VolumeFiles

pytestmark = pytest.mark.integration


async def test_the_storage_keeps_the_owner_to_both_sizes(copyparty, storage):
    small = EffectiveStorage(enabled=True, quota_bytes=5000, max_file_size_bytes=2000)

    await copyparty.connector.apply(copyparty.account, small)

    sizes = [2000, 2001, 2000, 1001, 1000]
    answers = [
        await storage.upload(copyparty.account, f"{number}.bin", size)
        for number, size in enumerate(sizes)
    ]
    assert [status < 300 for status in answers] == [True, False, True, False, True]


async def test_a_closed_volume_shuts_its_owner_out_and_keeps_the_files(copyparty, storage):
    await copyparty.connector.apply(copyparty.account, copyparty.on)
    await storage.upload(copyparty.account, "kept.txt", 4)

    await copyparty.connector.apply(copyparty.account, copyparty.off)

    assert await storage.visit(copyparty.account) in {403, 404}
    assert await storage.upload(copyparty.account, "more.txt", 4) in {403, 404}
    await copyparty.connector.apply(copyparty.account, copyparty.on)
    async with storage.owner(copyparty.account) as owner:
        assert (await owner.get("/kept.txt")).content == b"xxxx"


async def test_an_accounts_volume_is_one_whatever_the_case(copyparty, storage):
    await copyparty.connector.apply(copyparty.account, copyparty.on)

    await copyparty.connector.apply(copyparty.account.upper(), copyparty.off)

    assert await storage.visit(copyparty.account) in {403, 404}


@pytest.mark.parametrize("account", ["../escape", "admin", "Admin", "*", "a b", ".hidden"])
async def test_an_account_that_cannot_be_a_volume_is_refused_for_good(copyparty, storage, account):
    before = sorted(storage.part.volumes.iterdir())

    for attempt in (copyparty.connector.plan, copyparty.connector.apply):
        with pytest.raises(TargetRefused) as refused:
            await attempt(account, copyparty.on)
        assert not refused.value.retryable

    assert sorted(storage.part.volumes.iterdir()) == before


async def test_a_file_that_a_crash_left_unloaded_is_loaded_when_it_is_read_back(copyparty, storage):
    await copyparty.connector.apply(copyparty.account, copyparty.on)
    files = VolumeFiles(storage.part.volumes)
    text = files.read(copyparty.account).replace("sz: 0b-2000000000b", "sz: 0b-10b")
    files.replace({copyparty.account: text})

    reading = await copyparty.connector.read_back(copyparty.account)

    assert reading.effective.max_file_size_bytes == 10
    assert await storage.upload(copyparty.account, "large.bin", 11) == 400
    assert not files.owes_reload(copyparty.account)


async def test_a_configuration_that_others_broke_is_waited_for_and_ours_taken_back(
    copyparty, storage
):
    broken = storage.part.volumes / "broken.conf"
    broken.write_text("[/broken]\n  data/broken\n  accs:\n    zz: nobody\n")

    with pytest.raises(TargetAway):
        await copyparty.connector.apply(copyparty.account, copyparty.on)

    assert VolumeFiles(storage.part.volumes).read(copyparty.account) is None
    broken.unlink()
    await copyparty.connector.apply(copyparty.account, copyparty.on)
    assert (await copyparty.connector.read_back(copyparty.account)).effective == copyparty.on


async def test_a_wrong_password_of_the_administrator_is_no_requests_fault(copyparty, storage):
    stranger = copyparty_of(storage, password="wrong")
    await copyparty.connector.apply(copyparty.account, copyparty.on)

    with pytest.raises(TargetAway):
        await stranger.read_back(copyparty.account)
    with pytest.raises(TargetAway):
        await stranger.apply(f"other-{copyparty.account}", copyparty.on)

    await stranger.close()
