"""A connector behind its circuit breaker, with metrics of its calls."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Generic, Literal, TypeVar

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.contracts.events import PlannedChange
from services.provisioning.connectors.connector import (
    Answers,
    Connector,
    Failure,
    NotCalled,
    OperatorNeeded,
    Reading,
    TargetAway,
    TargetRefused,
    Unsettled,
)

T = TypeVar("T")

OPENS_AFTER: Final = 2
"""One call without an answer may be a lost packet."""
PAUSE_SECONDS: Final = 2.0
"""Work goes on this soon after the target is back; one call in it burdens no target."""


class Breaker:
    """Opens after `opens_after` unanswered calls in a row, and closes with the next answer.

    While it is open, one call in each pause goes through as a probe; the others fail at once.
    """

    def __init__(
        self,
        connector: str,
        *,
        opens_after: int = OPENS_AFTER,
        pause_seconds: float = PAUSE_SECONDS,
        turned: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`turned` is called with whether it is open, at first and on each change."""
        self._connector = connector
        self._opens_after = opens_after
        self._pause = pause_seconds
        self._turned = turned
        self._clock = clock
        self._unanswered = 0
        self._next_look = 0.0
        turned(False)  # noqa: FBT003  its only argument

    @property
    def is_open(self) -> bool:
        """Whether the target counts as unreachable."""
        return self._unanswered >= self._opens_after

    @property
    def seconds_closed_to_calls(self) -> float:
        """The time until a call goes through; 0: now."""
        return max(0.0, self._next_look - self._clock()) if self.is_open else 0.0

    async def call(
        self, accounts: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Answers[T]]]
    ) -> Answers[T]:
        """The answers of `ask` for these accounts. A refusal is an answer.

        `TargetAway`: it was not answered. `NotCalled`: it was not made; while open, only a probe for one account is.
        """
        answers: dict[str, T | Failure] = {}
        left = accounts
        if self.is_open:
            if self.seconds_closed_to_calls > 0:
                return {account: NotCalled(self._connector) for account in left}
            self._next_look = self._clock() + self._pause
            answers.update(await self._ask(left[:1], ask))
            left = left[1:]
            if self.is_open:
                return answers | {account: NotCalled(self._connector) for account in left}
        if left:
            answers.update(await self._ask(left, ask))
        return answers

    async def _ask(
        self, accounts: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Answers[T]]]
    ) -> Answers[T]:
        try:
            answers = await ask(accounts)
        except Exception:
            self._answered()
            raise
        if any(not isinstance(one, TargetAway) for one in answers.values()):
            self._answered()
        else:
            self._not_answered(sum(not isinstance(one, NotCalled) for one in answers.values()))
        return answers

    def _answered(self) -> None:
        was_open, self._unanswered = self.is_open, 0
        if was_open:
            self._turned(False)  # noqa: FBT003

    def _not_answered(self, calls: int) -> None:
        was_open = self.is_open
        self._unanswered += calls
        if self.is_open:
            self._next_look = self._clock() + self._pause
            if not was_open:
                self._turned(True)  # noqa: FBT003


E = TypeVar("E", bound=BaseModel)


Operation = Literal["plan", "apply", "read_back"]
Outcome = Literal[
    "answered",
    "away",
    "not_called",
    "refused",
    "operator_needed",
    "unsettled",
    "given_up",
    "failed",
]
"""`given_up`: the caller no longer waits for the answer."""

_OUTCOMES: Final[Sequence[tuple[type[BaseException], Outcome]]] = (
    (NotCalled, "not_called"),
    (TargetAway, "away"),
    (TargetRefused, "refused"),
    (OperatorNeeded, "operator_needed"),
    (Unsettled, "unsettled"),
    (asyncio.CancelledError, "given_up"),
)


class ConnectorMetrics:
    """Metrics of the targets' answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = prometheus.Counter(
            "bmt_connector_calls",
            "Calls to a target's connector, by what came of them.",
            ["connector", "operation", "outcome"],
            registry=registry,
        )
        self._open = Gauge(
            "bmt_connector_breaker_open",
            "1 while the target is away and work for it waits.",
            ["connector"],
            registry=registry,
        )

    def called(self, connector: str, operation: Operation, outcome: Outcome, calls: int) -> None:
        """Count one call for each account."""
        self._calls.labels(connector, operation, outcome).inc(calls)

    def turned(self, connector: str) -> Callable[[bool], None]:
        """The `turned` callback of a connector's breaker."""
        return self._open.labels(connector).set


class Guarded(Generic[E]):
    """A connector that does not call an unreachable target; `breaker` is its own."""

    def __init__(
        self, connector: Connector[E], breaker: Breaker, metrics: ConnectorMetrics
    ) -> None:
        self.name = connector.name
        self._connector = connector
        self._breaker = breaker
        self._metrics = metrics

    async def plan(self, desired: Mapping[str, E]) -> Answers[Sequence[PlannedChange]]:
        return await self._call(
            "plan", desired, lambda some: self._connector.plan({one: desired[one] for one in some})
        )

    async def apply(self, desired: Mapping[str, E]) -> Answers[None]:
        crash_points.reached("provisioning.guarded.applying")
        answers = await self._call(
            "apply",
            desired,
            lambda some: self._connector.apply({one: desired[one] for one in some}),
        )
        crash_points.reached("provisioning.guarded.applied")
        return answers

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[E]]:
        crash_points.reached("provisioning.guarded.reading_back")
        readings = await self._call("read_back", accounts, self._connector.read_back)
        crash_points.reached("provisioning.guarded.read_back")
        return readings

    async def _call(
        self,
        operation: Operation,
        accounts: Collection[str],
        ask: Callable[[Sequence[str]], Awaitable[Answers[T]]],
    ) -> Answers[T]:
        try:
            answers = await self._breaker.call(list(accounts), ask)
        except BaseException as error:
            self._metrics.called(self.name, operation, _outcome(error), len(accounts))
            raise
        for outcome, calls in Counter(map(_outcome, answers.values())).items():
            self._metrics.called(self.name, operation, outcome, calls)
        return answers


def _outcome(answer: object) -> Outcome:
    if not isinstance(answer, BaseException):
        return "answered"
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(answer, kind)), "failed")
