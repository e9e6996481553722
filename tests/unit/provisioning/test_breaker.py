"""The circuit breaker, told by a clock of its own."""

import pytest

from services.provisioning.connectors.connector import Breaker, NotCalled, TargetAway, TargetRefused


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
