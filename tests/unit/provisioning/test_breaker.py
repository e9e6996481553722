"""The circuit breaker, told by a clock of its own."""

import pytest

from services.provisioning.connectors.breaker import Breaker
from services.provisioning.connectors.connector import NotCalled, TargetAway, TargetRefused


class Target:
    """Answers, is away, or refuses; counts the calls that reach it."""

    def __init__(self):
        self.calls = 0
        self.problem: Exception | None = TargetAway("scim", "does not answer")

    async def __call__(self):
        self.calls += 1
        if self.problem:
            raise self.problem
        return "answer"


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
        with pytest.raises(TargetAway):
            await breaker.call(target)


async def test_it_opens_when_calls_in_a_row_are_not_answered(breaker, target, turned):
    await away(breaker, target)
    assert not breaker.is_open

    await away(breaker, target)

    assert breaker.is_open
    assert turned == [False, True]


async def test_an_answer_in_between_keeps_it_closed(breaker, target):
    await away(breaker, target)
    target.problem = None
    assert await breaker.call(target) == "answer"
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


async def test_one_answer_closes_it(breaker, target, now, turned):
    await away(breaker, target, 2)
    target.problem = None
    with pytest.raises(NotCalled):
        await breaker.call(target)
    now[0] += 5

    assert await breaker.call(target) == "answer"

    assert not breaker.is_open
    assert breaker.seconds_closed_to_calls == 0
    assert turned == [False, True, False]


async def test_a_refusal_is_an_answer(breaker, target, now):
    await away(breaker, target, 2)
    target.problem = TargetRefused("ipms", "no such account")
    now[0] += 5

    with pytest.raises(TargetRefused):
        await breaker.call(target)

    assert not breaker.is_open
