"""How fast a target is called: never more often than it allows, and not while it asks to wait."""

import asyncio
import time

import httpx
import httpx2
import pytest
from eventually import eventually
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.chassis.work import Later
from services.provisioning.connectors.connector import (
    AskedToWait,
    Breaker,
    Calls,
    Pace,
    TargetAway,
)
from services.provisioning.connectors.scim import Scim
from services.provisioning.worker import _later


class Target:
    """When it was called; `headers` of its answers, with this status."""

    def __init__(self, status=200, **headers):
        self.status, self.headers = status, headers
        self.called_at = []

    def __call__(self, request):
        self.called_at.append(time.monotonic())
        kind = httpx if isinstance(request, httpx.Request) else httpx2
        return kind.Response(self.status, headers=self.headers)


def client(target, most_a_second=None):
    return httpx.AsyncClient(
        transport=httpx.MockTransport(target),
        base_url="http://storage",
        event_hooks=Pace("copyparty", most_a_second).hooks,
    )


def asking(http):
    async def ask(_):
        answer = await http.get("/")
        if not answer.is_success:
            raise TargetAway("copyparty", f"answers {answer.status_code}")

    return ask


async def test_a_target_is_called_no_more_often_than_it_allows():
    target = Target()
    async with client(target, most_a_second=20) as http:
        await asyncio.gather(*(http.get("/") for _ in range(10)))

    first, *_, last = target.called_at
    assert len(target.called_at) == 10
    assert last - first > 8 / 20


async def test_who_no_longer_waits_takes_nobodys_turn():
    target = Target()
    async with client(target, most_a_second=10) as http:
        await http.get("/")
        given_up = [asyncio.create_task(http.get("/")) for _ in range(50)]
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        for each in given_up:
            each.cancel()
        began = time.monotonic()
        await http.get("/")

    assert target.called_at[1] - began < 0.5


@pytest.mark.parametrize("status", [429, 503])
async def test_a_target_that_asks_to_wait_is_called_when_that_is_over(status):
    target = Target(status, **{"Retry-After": "1"})
    async with client(target) as http:
        await http.get("/")
        with pytest.raises(AskedToWait):
            await http.get("/")
        target.status = 200

        async def answered():
            try:
                return (await http.get("/")).is_success
            except AskedToWait:
                return False

        await eventually(answered)

    assert len(target.called_at) == 2
    assert target.called_at[1] - target.called_at[0] >= 1


@pytest.mark.parametrize(("wanted", "seconds"), [("7", 7), ("86400", 600), ("9" * 5000, 600)])
async def test_work_waits_as_long_as_the_target_asks_within_reason(wanted, seconds):
    async with client(Target(429, **{"Retry-After": wanted})) as http:
        await http.get("/")
        with pytest.raises(AskedToWait) as told:
            await http.get("/")

    assert _later(told.value) == Later(seconds, "copyparty asked to wait")


@pytest.mark.parametrize("wanted", ["", "soon", "-1", "1.5", "²"])
async def test_a_wait_that_is_no_number_of_seconds_is_none(wanted):
    target = Target(429, **{"Retry-After": wanted.encode()})
    async with client(target) as http:
        await http.get("/")
        await http.get("/")

    assert len(target.called_at) == 2


async def test_the_rest_of_a_list_is_not_asked_and_told_the_same():
    target = Target(429, **{"Retry-After": "7"})
    async with client(target) as http:
        answers = await Calls("copyparty", 1).each(list("abcdef"), asking(http))

    assert len(target.called_at) == 1
    assert [type(one) for one in answers.values()] == [TargetAway, *[AskedToWait] * 5]


async def test_waiting_for_a_target_that_asked_for_it_does_not_make_it_away():
    breaker = Breaker("copyparty", opens_after=2)
    async with client(Target(429, **{"Retry-After": "7"})) as http:
        calls = Calls("copyparty", 1)
        for _ in range(4):
            await breaker.call(["siti"], lambda some: calls.each(some, asking(http)))

    assert not breaker.is_open


async def test_ipms_is_left_alone_too():
    target = Target(429, **{"Retry-After": "7"})
    http = httpx2.AsyncClient(
        transport=httpx2.MockTransport(target),
        base_url="http://ipms",
        event_hooks=Pace("scim", 5).hooks,
    )
    ipms = Alone(Scim(http, clock.now))
    with pytest.raises(TargetAway, match="scim"):
        await ipms.read_back("siti")
    with pytest.raises(AskedToWait):
        await ipms.read_back("siti")

    assert len(target.called_at) == 1
