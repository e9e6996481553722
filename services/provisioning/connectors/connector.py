"""The protocol of every connector, and how a target can fail."""

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
    """The target does not answer, or answers that it cannot now: the same call later is right.

    Attributes:
        reason: what it did instead of answering, for people; no personal data.
    """

    def __init__(self, connector: str, reason: str, retry_after_seconds: int = 2) -> None:
        """Names the connector and what happened."""
        super().__init__(connector, retry_after_seconds)
        self.reason = reason


class NotCalled(TargetAway):
    """The target is known to be away: it was not even called."""

    def __init__(self, connector: str) -> None:
        """Names the connector."""
        super().__init__(connector, "is away; it is looked for")


class Unsettled(Unavailable):
    """The target has not taken in yet what was set last, so what it shows may change by itself.

    Reading it back has it taken in; who only looks comes again.
    """


class TargetRefused(Exception):  # noqa: N818  named for what the target did
    """The target answers no: waiting does not help, a person must look.

    Attributes:
        target: who refuses.
        reason: what it said, for people, in English.
        code: the same as a code of `bmt.contracts.faults`.
        values: what stands in the places of its sentence.
        retryable: whether trying again can help once somebody has mended the cause.
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
        """Names the target and its reason."""
        super().__init__(reason)
        self.code = code
        self.values: Values = values or {}
        self.target: Target = target
        self.reason = reason
        self.retryable = retryable


class TargetConflict(TargetRefused):
    """The target refuses because something else happens to the account: trying again may help.

    It is final only where the target, read back, still shows something else after further tries.
    """


class OperatorNeeded(Exception):  # noqa: N818  named for what is so
    """Nothing but a person can do this; `instructions` say what, in Malay, then in English."""

    def __init__(self, target: Target, instructions: str) -> None:
        """Names the target."""
        super().__init__(f"{target} is set by a person")
        self.target: Target = target
        self.instructions = instructions


@dataclass(frozen=True, slots=True)
class Reading(Generic[E_co]):
    """What a target showed.

    Attributes:
        effective: what is in force; None when nobody can tell.
        read_back_at: when the target was asked, UTC; None where nobody can, and a person confirms it.
        documents: what shows it, where a person says so.
        confirmed_by: that person.
        confirmed_at: when, UTC.
    """

    effective: E_co | None
    read_back_at: datetime | None
    documents: tuple[str, ...] = ()
    confirmed_by: Officer | None = None
    confirmed_at: datetime | None = None


Failure = TargetAway | TargetRefused | OperatorNeeded | Unsettled
"""Why an account has no answer; it is that account's alone."""

Answers = Mapping[str, T | Failure]
"""What a connector answers for each account that it was asked about."""


class Connector(Protocol[E]):
    """Brings one target to absolute values, for a list of accounts at a time.

    Every account that is asked about has its answer or its failure: `TargetAway` where the target cannot be
    asked now, `TargetRefused` where it says no for good. A connector bounds what it asks of its target.

    Attributes:
        name: as metrics and evidence call it.
    """

    name: str

    async def plan(self, wanted: Mapping[str, E]) -> Answers[Sequence[PlannedChange]]:
        """What `apply` would change now; changes nothing. Refuses what `apply` would refuse.

        `Unsettled`: that cannot be told before the target was read back.
        """
        ...

    async def apply(self, wanted: Mapping[str, E]) -> Answers[None]:
        """Make it so. Doing it twice is harmless. `OperatorNeeded`: a person must."""
        ...

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[E]]:
        """What the target itself shows for the accounts now."""
        ...


# Asks a target account by account, a bounded number at a time, however many lists are under way.


MOST_UNANSWERED: Final = 2
"""In a row: the rest of a list is then not asked, so that a silent target costs a list no more than that."""


class Calls:
    """The calls of one connector."""

    def __init__(self, connector: str, at_once: int) -> None:
        """`connector` is its name."""
        self._connector = connector
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)

    async def each(
        self, accounts: Collection[str], ask: Callable[[str], Awaitable[T]]
    ) -> dict[str, T | Failure]:
        """What `ask` answers for each account, or why it does not."""
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
    """What they answer, made beside each other; what one raises is raised when all have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
