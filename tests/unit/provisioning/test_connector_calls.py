"""The circuit breaker, told by a clock of its own."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import httpx2
import pytest
from eventually import eventually
from fixtures.alone import Alone
from prometheus_client import CollectorRegistry

from bmt.chassis.runtime import clock
from bmt.chassis.work import Later
from services.provisioning.connectors.connector import (
    AskedToWait,
    Breaker,
    Calls,
    ConnectorMetrics,
    Guarded,
    InMaintenance,
    Maintenance,
    NotCalled,
    Pace,
    TargetAway,
    TargetRefused,
)
from services.provisioning.connectors.scim import Scim
from services.provisioning.worker import _later


class Target:
    """Answers, is away, or refuses; counts the calls that reach it."""

    def __init__(self):
        self.calls = 0
        self.asked: list[str] = []
        self.problem: Exception | None = TargetAway("scim", "does not answer")

    async def __call__(self, accounts):
        self.calls += 1
        self.asked = list(accounts)
        return dict.fromkeys(accounts, self.problem or "answer")


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def turned():
    return []


@pytest.fixture
def breaker(now, turned):
    return Breaker(
        "scim", opens_after=2, pause_seconds=5, turned=turned.append, clock=lambda: now[0]
    )


@pytest.fixture
def target():
    return Target()


async def away(breaker, target, times=1):
    for _ in range(times):
        assert isinstance(await call(breaker, target), TargetAway)


async def call(breaker, target):
    return (await breaker.call(["siti"], target))["siti"]


async def test_an_answer_in_between_keeps_it_closed(breaker, target):
    await away(breaker, target)
    target.problem = None
    assert await call(breaker, target) == "answer"
    target.problem = TargetAway("scim", "does not answer")

    await away(breaker, target)

    assert not breaker.is_open


async def test_open_it_lets_one_call_in_a_pause_through(breaker, target, now):
    await away(breaker, target, 10)
    assert target.calls == 2
    assert breaker.seconds_closed_to_calls == 5

    now[0] += 5
    await away(breaker, target, 10)

    assert target.calls == 3
    assert breaker.seconds_open == 5


@pytest.mark.parametrize("problem", [None, TargetRefused("ipms", "no such account")])
async def test_two_calls_open_it_and_one_answer_or_refusal_closes_it(
    breaker, target, now, turned, problem
):
    await away(breaker, target)
    assert not breaker.is_open
    await away(breaker, target)
    assert breaker.is_open
    target.problem = problem
    assert isinstance(await call(breaker, target), NotCalled)
    now[0] += 5

    assert await call(breaker, target) == (problem or "answer")

    assert not breaker.is_open
    assert (breaker.seconds_closed_to_calls, breaker.seconds_open) == (0, None)
    assert turned == [False, True, False]


async def test_open_it_looks_with_one_account_of_a_list(breaker, target, now):
    await away(breaker, target, 2)
    now[0] += 5

    answers = await breaker.call(["siti", "ravi", "kamal"], target)

    assert target.asked == ["siti"]
    assert type(answers["siti"]) is TargetAway
    assert [type(answers[name]) for name in ("ravi", "kamal")] == [NotCalled] * 2


async def test_a_list_goes_on_once_its_first_account_is_answered(breaker, target, now):
    await away(breaker, target, 2)
    target.problem = None
    now[0] += 5

    answers = await breaker.call(["siti", "ravi", "kamal"], target)

    assert answers == dict.fromkeys(["siti", "ravi", "kamal"], "answer")
    assert target.asked == ["ravi", "kamal"]


async def test_a_list_that_is_not_answered_opens_it(breaker, target):
    answers = await breaker.call(["siti", "ravi"], target)

    assert all(isinstance(one, TargetAway) for one in answers.values())
    assert breaker.is_open


class Server:
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
    target = Server()
    async with client(target, most_a_second=20) as http:
        await asyncio.gather(*(http.get("/") for _ in range(10)))

    first, *_, last = target.called_at
    assert len(target.called_at) == 10
    assert last - first > 8 / 20


async def test_who_no_longer_waits_takes_nobodys_turn():
    target = Server()
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
    target = Server(status, **{"Retry-After": "1"})
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
    async with client(Server(429, **{"Retry-After": wanted})) as http:
        await http.get("/")
        with pytest.raises(AskedToWait) as told:
            await http.get("/")

    assert _later(told.value) == Later(seconds, "copyparty asked to wait")


@pytest.mark.parametrize("wanted", ["", "soon", "-1", "1.5", "²"])
async def test_a_wait_that_is_no_number_of_seconds_is_none(wanted):
    target = Server(429, **{"Retry-After": wanted.encode()})
    async with client(target) as http:
        await http.get("/")
        await http.get("/")

    assert len(target.called_at) == 2


async def test_the_rest_of_a_list_is_not_asked_and_told_the_same():
    target = Server(429, **{"Retry-After": "7"})
    async with client(target) as http:
        answers = await Calls("copyparty", 1).each(list("abcdef"), asking(http))

    assert len(target.called_at) == 1
    assert [type(one) for one in answers.values()] == [TargetAway, *[AskedToWait] * 5]


async def test_waiting_for_a_target_that_asked_for_it_does_not_make_it_away():
    breaker = Breaker("copyparty", opens_after=2)
    async with client(Server(429, **{"Retry-After": "7"})) as http:
        calls = Calls("copyparty", 1)
        for _ in range(4):
            await breaker.call(["siti"], lambda some: calls.each(some, asking(http)))

    assert not breaker.is_open


async def test_ipms_is_left_alone_too():
    target = Server(429, **{"Retry-After": "7"})
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


NIGHT = datetime(2026, 11, 30, 16, tzinfo=UTC)

"""Midnight in Malaysia, at the beginning of 1 December."""


@pytest.mark.parametrize(
    ("daily", "begins", "ends"),
    [("23:30-01:00", -30, 60), ("00:00-04:30", 0, 270), ("22:00-00:00", -120, 0)],
)
def test_a_maintenance_is_under_way_from_its_first_to_before_its_last_minute(daily, begins, ends):
    first, last = (NIGHT + timedelta(minutes=minutes) for minutes in (begins, ends))
    moment = timedelta(microseconds=1)
    maintenance = Maintenance.of(daily)

    for at in (first, last - moment):
        assert maintenance.at(at) == (first, last)
    for at in (first - moment, last):
        assert maintenance.at(at) is None


class Uncalled:
    """Nobody may call it."""

    name = "scim"

    async def called(self, _):
        raise AssertionError

    plan = apply = read_back = called


async def test_what_is_in_maintenance_is_not_called_and_does_not_count_as_away():
    breaker = Breaker("scim")
    guarded = Guarded(
        Uncalled(), breaker, ConnectorMetrics(CollectorRegistry()), lambda: (NIGHT, NIGHT)
    )
    for answers in (
        await guarded.plan({"siti": None}),
        await guarded.apply({"siti": None}),
        await guarded.read_back(["siti"]),
    ):
        assert isinstance(answers["siti"], InMaintenance)
    assert not breaker.is_open


def test_its_work_is_looked_at_four_times_a_minute():
    assert _later(InMaintenance("scim")) == Later(15, "scim is in maintenance")
