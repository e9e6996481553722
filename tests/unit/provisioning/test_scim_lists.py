"""Many accounts are asked for at once, and what is wrong with one of them concerns no other."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from fixtures.scim_server import ScimServer, user

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors import scim as module
from services.provisioning.connectors.connector import NotCalled, Reading, TargetAway, TargetRefused
from services.provisioning.connectors.scim import CALLS_AT_ONCE, MOST_IN_A_FILTER, Scim

ON = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000)
NAMES = [f"pegawai{number}@mygovuc.gov.my" for number in range(100)]


@asynccontextmanager
async def connected(ipms: ScimServer):
    with ipms.serving():
        scim = Scim(httpx2.AsyncClient(base_url=ipms.url), clock.now)
        yield scim
        await scim.close()


def looked(ipms: ScimServer) -> int:
    return sum("/Users?" in path for path in ipms.asked)


async def test_many_are_looked_up_in_few_requests_and_each_is_set_and_read_back():
    ipms = ScimServer(*map(user, NAMES))
    async with connected(ipms) as scim:
        plans = await scim.plan(dict.fromkeys(NAMES, ON))
        assert looked(ipms) == -(-len(NAMES) // MOST_IN_A_FILTER) == 3
        assert await scim.apply(dict.fromkeys(NAMES, ON)) == dict.fromkeys(NAMES)
        readings = await scim.read_back(NAMES)
    assert plans.keys() == readings.keys() == set(NAMES)
    assert all(len(plan) == 2 for plan in plans.values())
    assert all(reading.effective == ON for reading in readings.values())
    assert sorted(ipms.patched) == sorted(NAMES)
    assert looked(ipms) == 9


async def test_what_is_wrong_with_one_account_is_its_own():
    twice, unknown, refused, fine = "dua@x", "tiada@x", "ditolak@x", "elok@x"
    ipms = ScimServer(user(twice), user(twice, id="other"), user(refused), user(fine))
    change = ipms.change

    def refusing(one, operations, headers):
        ipms.refusals = [403] if one["userName"] == refused else []
        return change(one, operations, headers)

    ipms.change = refusing
    async with connected(ipms) as scim:
        answers = await scim.apply(dict.fromkeys([twice, unknown, refused, fine], ON))
    assert answers.pop(fine) is None
    assert [answers[name].code for name in (twice, unknown, refused)] == [
        "several_accounts",
        "not_registered_there",
        "target_refused_with",
    ]
    assert ipms.patched == [fine]


@pytest.mark.parametrize("status", [400, 403, 413, 414, 500, 501, 503])
async def test_a_server_that_takes_no_alternatives_is_asked_one_by_one(status, monkeypatch):
    ipms = ScimServer(*map(user, NAMES[:50]))
    ipms.refuses_many = status
    async with connected(ipms) as scim:
        readings = await scim.read_back(NAMES[:50])
        assert all(isinstance(reading, Reading) for reading in readings.values())
        assert looked(ipms) == 51
        await scim.read_back(NAMES[:50])
        assert looked(ipms) == 101
        monkeypatch.setattr(module.time, "monotonic", lambda: float("inf"))
        ipms.refuses_many = 0
        await scim.read_back(NAMES[:50])
        assert looked(ipms) == 103


async def test_a_server_that_answers_with_others_too_is_believed_about_nobody():
    class IgnoresAlternatives(ScimServer):
        """Gives everybody where it does not understand."""

        def listing(self, found, start, count):
            return super().listing(self.users if len(found) > 1 else found, start, count)

    ipms = IgnoresAlternatives(*map(user, NAMES))
    async with connected(ipms) as scim:
        answers = await scim.apply(dict.fromkeys(NAMES[:3], ON))
    assert answers == dict.fromkeys(NAMES[:3])
    assert sorted(ipms.patched) == NAMES[:3]


async def test_writes_are_bounded_however_many_lists_there_are():
    under_way, most = 0, 0

    async def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        under_way -= 1
        return httpx2.Response(503)

    http = httpx2.AsyncClient(base_url="http://ipms/v2", transport=httpx2.MockTransport(answer))
    scim = Scim(http, clock.now)
    await asyncio.gather(*(scim.read_back(NAMES[place : place + 30]) for place in (0, 30, 60)))
    assert most <= CALLS_AT_ONCE + 3, "one filter for each list, beside the bounded single ones"


async def test_a_silent_server_costs_a_list_a_few_calls():
    calls = 0

    async def silent(_: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        raise httpx2.ConnectError("nobody listens")

    http = httpx2.AsyncClient(base_url="http://ipms/v2", transport=httpx2.MockTransport(silent))
    answers = await Scim(http, clock.now).read_back(NAMES)
    assert calls <= 1 + CALLS_AT_ONCE
    assert all(isinstance(one, TargetAway) for one in answers.values())
    assert sum(isinstance(one, NotCalled) for one in answers.values()) >= len(NAMES) - CALLS_AT_ONCE
    assert not any(isinstance(one, TargetRefused) for one in answers.values())
