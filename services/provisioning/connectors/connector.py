"""The protocol of connectors, and the ways in which a target can fail."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from pydantic import BaseModel

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


@dataclass(frozen=True, slots=True)
class Reading(Generic[E_co]):
    """The reading of a target.

    Attributes:
        effective: what is in force; None: unknown.
        read_back_at: when the target was read, UTC; None: it cannot be read, and a person confirms it.
        documents: a person's evidence.
        confirmed_by: that person.
        confirmed_at: when, UTC.
    """

    effective: E_co | None
    read_back_at: datetime | None
    documents: tuple[str, ...] = ()
    confirmed_by: Officer | None = None
    confirmed_at: datetime | None = None


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

        async def take() -> None:
            nonlocal unanswered
            for account in left:
                async with self._turns:
                    if unanswered >= MOST_UNANSWERED:
                        answers[account] = NotCalled(self._connector)
                        continue
                    try:
                        answers[account] = await ask(account)
                    except TargetAway as away:
                        answers[account] = away
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
