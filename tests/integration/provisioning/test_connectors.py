"""What every connector promises: one suite, run against the real IPMS, the real storage and the worklist."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import httpx2
import pytest
from fixtures.samples import facts

from bmt.chassis import clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage
from bmt.contracts.values import Officer
from services.provisioning.connectors.connector import (
    Connector,
    OperatorNeeded,
    TargetAway,
    TargetRefused,
)
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.scim import Scim
from services.provisioning.connectors.volume_files import VolumeFiles
from services.provisioning.connectors.worklist import Worklist
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.goal import NOTHING_IN_FORCE, changes

pytestmark = pytest.mark.integration

OFFICER = Officer(subject="faridah.jpa@mygovuc.gov.my", name="Faridah", role="administrator")
SCREENSHOT = "sha256:" + "1" * 64
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens."""


@dataclass
class Bench:
    """A connector to be examined, with what it needs; `connector` is the one of the moment."""

    connector: Connector[Any]
    on: Any
    more: Any
    off: Any
    account: str
    by_hand: Callable[[Any], Connector[Any]] | None = None
    documents: tuple[str, ...] = ()
    away: Connector[Any] | None = None

    async def bring_about(self, wanted: Any) -> None:
        """Apply; where a person is needed, do as the person."""
        try:
            await self.connector.apply(self.account, wanted)
        except OperatorNeeded:
            self.connector = self.by_hand(wanted)
            await self.connector.apply(self.account, wanted)


@pytest.fixture
async def scim(ipms):
    account = f"scim-{clock.new_id()}@mygovuc.gov.my"
    await ipms.register(account)
    headers = {"Authorization": f"Bearer {ipms.part.token}"}
    connector = Scim(httpx2.AsyncClient(base_url=ipms.part.url, headers=headers), clock.now)
    away = Scim(httpx2.AsyncClient(base_url=NOWHERE), clock.now)
    yield Bench(
        connector,
        on=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000),
        more=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2**53 + 1),
        off=NOTHING_IN_FORCE.ipms,
        account=account,
        away=away,
    )
    await connector.close()
    await away.close()


def copyparty_of(storage, url="", password=""):
    return Copyparty(
        httpx.AsyncClient(base_url=url or storage.part.url),
        VolumeFiles(storage.part.volumes),
        "admin",
        password or storage.part.password,
        clock.now,
    )


@pytest.fixture
async def copyparty(storage):
    connector, away = copyparty_of(storage), copyparty_of(storage, NOWHERE)
    yield Bench(
        connector,
        on=EffectiveStorage(enabled=True, quota_bytes=10**10, max_file_size_bytes=2 * 10**9),
        more=EffectiveStorage(enabled=True, quota_bytes=10**14, max_file_size_bytes=2 * 10**9 + 1),
        off=NOTHING_IN_FORCE.storage,
        account=f"copyparty-{clock.new_id()}@mygovuc.gov.my",
        away=away,
    )
    await connector.close()
    await away.close()


@pytest.fixture
def worklist():
    on = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000)

    def completed(wanted):
        statement = TaskCompleted(
            request=facts(),
            task_id=clock.new_id(),
            completed_by=OFFICER,
            completed_at=clock.now(),
            evidence=(SCREENSHOT,),
        )
        return Worklist(wanted, statement, clock.now)

    return Bench(
        Worklist(on, None, clock.now),
        on=on,
        more=on,
        off=NOTHING_IN_FORCE.ipms,
        account="lim.jpa@mygovuc.gov.my",
        by_hand=completed,
        documents=(SCREENSHOT,),
    )


@pytest.fixture(params=["scim", "copyparty", "worklist"])
def bench(request) -> Bench:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["scim", "copyparty"])
def system(request) -> Bench:
    """A connector that calls another system."""
    return request.getfixturevalue(request.param)


async def test_what_was_applied_is_what_is_read_back(bench):
    for wanted in (bench.on, bench.more, bench.on):
        await bench.bring_about(wanted)

        reading = await bench.connector.read_back(bench.account)

        assert reading.effective == wanted
        assert reading.documents == bench.documents
        assert clock.now() - reading.read_back_at < timedelta(seconds=5)


async def test_applying_twice_is_harmless(bench):
    await bench.bring_about(bench.on)
    await bench.connector.apply(bench.account, bench.on)

    assert (await bench.connector.read_back(bench.account)).effective == bench.on


async def test_a_plan_says_every_difference_and_changes_nothing(bench):
    before = (await bench.connector.read_back(bench.account)).effective

    plan = await bench.connector.plan(bench.account, bench.on)

    (target,) = {change.target for change in plan}
    assert tuple(plan) == changes(target, before, bench.on)
    assert {change.setting for change in plan} == set(type(bench.on).model_fields)
    assert (await bench.connector.read_back(bench.account)).effective == before


async def test_nothing_is_planned_where_all_is_as_wanted(bench):
    await bench.bring_about(bench.on)

    assert tuple(await bench.connector.plan(bench.account, bench.on)) == ()


async def test_what_was_given_can_be_taken_away(bench):
    await bench.bring_about(bench.on)
    if bench.by_hand:
        bench.connector = Worklist(bench.off, None, clock.now)

    await bench.bring_about(bench.off)

    assert (await bench.connector.read_back(bench.account)).effective == bench.off
    assert tuple(await bench.connector.plan(bench.account, bench.off)) == ()


async def test_a_target_without_an_answer_is_away(system):
    for attempt in (system.away.plan, system.away.apply):
        with pytest.raises(TargetAway):
            await attempt(system.account, system.on)
    with pytest.raises(TargetAway):
        await system.away.read_back(system.account)


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
    stranger = Scim(httpx2.AsyncClient(base_url=ipms.part.url), clock.now)

    with pytest.raises(TargetAway) as away:
        await stranger.plan(scim.account, scim.on)

    assert away.value.reason == "answers 401"
    await stranger.close()


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
    files.replace(copyparty.account, text)

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


async def test_the_worklist_says_exactly_what_to_set_in_malay_then_in_english(worklist):
    with pytest.raises(OperatorNeeded) as on:
        await worklist.connector.apply(worklist.account, worklist.on)
    off = Worklist(worklist.off, None, clock.now)
    with pytest.raises(OperatorNeeded) as to_off:
        await off.apply(worklist.account, worklist.off)

    malay, english = on.value.instructions.split("\n\n")
    for text in (malay, english):
        assert worklist.account in text
        assert "2000000000" in text
        assert "(2 GB)" in text
    assert "Hidupkan" in malay
    assert "Turn the service" in english
    assert "Matikan" in to_off.value.instructions
    assert " off and save" in to_off.value.instructions
