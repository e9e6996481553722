"""The protocol of connectors, the ways in which a target can fail, and a connector behind its circuit breaker."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from http import HTTPStatus
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel

from bmt.agencies.charter import MALAYSIA
from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.contracts.events import PlannedChange, Target
from bmt.contracts.faults import Values
from bmt.contracts.values import Officer

E = TypeVar("E", bound=BaseModel)
E_co = TypeVar("E_co", bound=BaseModel, covariant=True)
T = TypeVar("T")


class TargetAway(Unavailable):
    """The target is unreachable, or unavailable now: the same call can be repeated later.

    Attributes:
        reason: what happened instead of an answer, for people; without personal data.
    """

    def __init__(self, connector: str, reason: str, retry_after_seconds: int = 2) -> None:
        super().__init__(connector, retry_after_seconds)
        self.reason = reason


class NotCalled(TargetAway):
    """The target is known to be unreachable, so it was not called."""

    def __init__(self, connector: str) -> None:
        super().__init__(connector, "is away; it is looked for")


class AskedToWait(NotCalled):
    """The target asked to be left alone for a while, which is not over."""

    def __init__(self, connector: str, seconds: float) -> None:
        TargetAway.__init__(self, connector, "asked to wait", math.ceil(seconds))


class InMaintenance(NotCalled):
    """The target must not be called until its daily maintenance is over."""

    def __init__(self, connector: str) -> None:
        TargetAway.__init__(self, connector, "is in maintenance", retry_after_seconds=15)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A daily time, in Malaysia, in which a target is not called. It may last over midnight."""

    begins: clock_time
    ends: clock_time

    @classmethod
    def of(cls, text: str) -> "Maintenance":
        """As settings have it, such as `23:30-01:00`."""
        begins, _, ends = text.partition("-")
        return cls(clock_time.fromisoformat(begins), clock_time.fromisoformat(ends))

    def at(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The maintenance that is under way at `now`, from when until when; None: none is."""
        today = now.astimezone(MALAYSIA).date()
        for day in (today - timedelta(days=1), today):
            last = day + timedelta(days=self.ends <= self.begins)
            begin = datetime.combine(day, self.begins, MALAYSIA)
            end = datetime.combine(last, self.ends, MALAYSIA)
            if begin <= now < end:
                return begin, end
        return None


class Unsettled(Unavailable):
    """The target has not applied the last setting yet, so its reading may change by itself.

    Reading it back makes it apply the setting; without that, try later.
    """


class TargetRefused(Exception):  # noqa: N818  named for what the target did
    """The target refuses: waiting does not help, a person must act.

    Attributes:
        reason: the target's words, for people, in English.
        code: the same as a code of `bmt.contracts.faults`.
        values: the values in the code's sentence.
        retryable: whether a retry can succeed once the cause is removed.
    """

    def __init__(
        self,
        target: Target,
        reason: str,
        *,
        code: str = "target_refused",
        values: Values | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.values: Values = values or {}
        self.target: Target = target
        self.reason = reason
        self.retryable = retryable


class TargetConflict(TargetRefused):
    """The target refuses because the account is being changed by others: another attempt may succeed.

    It is final only if further attempts and readings still show something else.
    """


class OperatorNeeded(Exception):  # noqa: N818  named for what is so
    """Only a person can do this; `instructions` are in Malay, then in English."""

    def __init__(self, target: Target, instructions: str) -> None:
        super().__init__(f"{target} is set by a person")
        self.target: Target = target
        self.instructions = instructions


AccountStatus = Literal["serving", "not_serving", "not_registered"]


@dataclass(frozen=True, slots=True)
class Reading(Generic[E_co]):
    """The reading of a target.

    Attributes:
        effective: what is in force; None: unknown.
        read_back_at: when the target was read, UTC; None: it cannot be read, and a person confirms it.
        documents: a person's evidence.
        confirmed_by: that person.
        confirmed_at: when, UTC.
        account_status: of the account's owner, where the target is the directory; None: it does not say.
    """

    effective: E_co | None
    read_back_at: datetime | None
    documents: tuple[str, ...] = ()
    confirmed_by: Officer | None = None
    confirmed_at: datetime | None = None
    account_status: AccountStatus | None = None


Failure = TargetAway | TargetRefused | OperatorNeeded | Unsettled
"""Why there is no answer for one account."""

Answers = Mapping[str, T | Failure]
"""A connector's answer for each account."""


class Connector(Protocol[E]):
    """Sets one target to absolute values, for a list of accounts at a time.

    Each account has its own answer or failure: `TargetAway` if the target is unreachable, `TargetRefused` if it
    refuses for good. A connector limits its calls to the target. `name` is its name in metrics and evidence.
    """

    name: str

    async def plan(self, desired: Mapping[str, E]) -> Answers[Sequence[PlannedChange]]:
        """What `apply` would change now, or why it would refuse; this changes nothing.

        `Unsettled`: unknown until the target was read back.
        """
        ...

    async def apply(self, desired: Mapping[str, E]) -> Answers[None]:
        """Set the values; repeating is harmless. `OperatorNeeded`: only a person can."""
        ...

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[E]]:
        """What the target itself shows for the accounts now."""
        ...


LONGEST_WAIT_SECONDS: Final = 600
"""Also if a target asks for more."""
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class Pace:
    """The calls of this process to one target: `most_a_second`, none while the target asks to wait (`Retry-After`)."""

    def __init__(self, connector: str, most_a_second: int | None) -> None:
        """None: as many as there are."""
        self._connector = connector
        self._between = 1 / most_a_second if most_a_second else 0.0
        self._one_by_one = asyncio.Lock()
        self._next = 0.0
        self._left_alone_until = 0.0

    @property
    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """The event hooks of the HTTP client; its timeouts begin when a call's turn has come."""
        return {"request": [self._turn], "response": [self._answered]}

    async def _turn(self, _: object) -> None:
        async with self._one_by_one:
            await asyncio.sleep(self._next - time.monotonic())
            now = time.monotonic()
            if now < self._left_alone_until:
                raise AskedToWait(self._connector, self._left_alone_until - now)
            self._next = now + self._between

    async def _answered(self, answer: Any) -> None:
        """A response of httpx or of httpx2."""
        if answer.status_code in _BUSY:
            wanted = answer.headers.get("Retry-After", "")
            seconds = int(wanted[:9]) if wanted.isascii() and wanted.isdigit() else 0
            until = time.monotonic() + min(seconds, LONGEST_WAIT_SECONDS)
            self._left_alone_until = max(self._left_alone_until, until)


MOST_UNANSWERED: Final = 2
"""In a row: then the rest of a list is not asked, so a silent target delays a list no longer."""


class Calls:
    """Calls a target account by account, `at_once` at a time across all lists."""

    def __init__(self, connector: str, at_once: int) -> None:
        self._connector = connector
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)

    async def each(
        self, accounts: Collection[str], ask: Callable[[str], Awaitable[T]]
    ) -> dict[str, T | Failure]:
        """The answer of `ask` for each account, or its failure."""
        answers: dict[str, T | Failure] = {}
        left = iter(accounts)
        unanswered = 0
        not_called = NotCalled(self._connector)

        async def take() -> None:
            nonlocal unanswered, not_called
            for account in left:
                async with self._turns:
                    if unanswered >= MOST_UNANSWERED:
                        answers[account] = not_called
                        continue
                    try:
                        answers[account] = await ask(account)
                    except TargetAway as away:
                        answers[account] = away
                        not_called = away if isinstance(away, NotCalled) else not_called
                        unanswered += 1
                        continue
                    except (TargetRefused, OperatorNeeded, Unsettled) as failure:
                        answers[account] = failure
                    unanswered = 0

        if len(accounts) == 1:
            await take()
            return answers
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._at_once, len(accounts))):
                group.create_task(take())
        return answers


async def beside(calls: Iterable[Awaitable[T]]) -> Sequence[T]:
    """The results of concurrent calls; an exception is raised once all have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


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
        self._opened_at = 0.0
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

    @property
    def seconds_open(self) -> float | None:
        """How long the target has counted as unreachable; None: it does not."""
        return self._clock() - self._opened_at if self.is_open else None

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
                self._opened_at = self._clock()
                self._turned(True)  # noqa: FBT003


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
    """A connector that does not call a target that is unreachable or in maintenance; `breaker` is its own."""

    def __init__(
        self,
        connector: Connector[E],
        breaker: Breaker,
        metrics: ConnectorMetrics,
        in_maintenance: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = connector.name
        self._connector = connector
        self._breaker = breaker
        self._metrics = metrics
        self._in_maintenance = in_maintenance

    async def plan(self, desired: Mapping[str, E]) -> Answers[Sequence[PlannedChange]]:
        return await self._call(
            "plan", desired, lambda some: self._connector.plan({one: desired[one] for one in some})
        )

    async def apply(self, desired: Mapping[str, E]) -> Answers[None]:
        crash_points.reached("provisioning.connector.applying")
        answers = await self._call(
            "apply",
            desired,
            lambda some: self._connector.apply({one: desired[one] for one in some}),
        )
        crash_points.reached("provisioning.connector.applied")
        return answers

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[E]]:
        crash_points.reached("provisioning.connector.reading_back")
        readings = await self._call("read_back", accounts, self._connector.read_back)
        crash_points.reached("provisioning.connector.read_back")
        return readings

    async def _call(
        self,
        operation: Operation,
        accounts: Collection[str],
        ask: Callable[[Sequence[str]], Awaitable[Answers[T]]],
    ) -> Answers[T]:
        try:
            if self._in_maintenance():
                answers: Answers[T] = {one: InMaintenance(self.name) for one in accounts}
            else:
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
