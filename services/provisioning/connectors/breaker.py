"""A circuit breaker: while a target is away, one call so often looks for it, and nobody else waits for it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from services.provisioning.connectors.connector import Answers, Failure, NotCalled, TargetAway

T = TypeVar("T")

OPENS_AFTER: Final = 2
PAUSE_SECONDS: Final = 2.0


class Breaker:
    """Closed until so many calls in a row were not answered; then open until one is.

    While it is open one call in each pause goes through, to look; the others fail at once.
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
        """`turned` is told whether it is open, at first and whenever that changes."""
        self._connector = connector
        self._opens_after = opens_after
        self._pause = pause_seconds
        self._turned = turned
        self._clock = clock
        self._unanswered = 0
        self._next_look = 0.0
        turned(False)  # noqa: FBT003  the only thing it is told

    @property
    def is_open(self) -> bool:
        """Whether the target counts as away."""
        return self._unanswered >= self._opens_after

    @property
    def seconds_closed_to_calls(self) -> float:
        """How long no call goes through from now on; 0 when one may."""
        return max(0.0, self._next_look - self._clock()) if self.is_open else 0.0

    async def call(
        self, accounts: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Answers[T]]]
    ) -> Answers[T]:
        """What `ask` answers for these accounts. A refusal is an answer.

        `TargetAway`: it was not answered. `NotCalled`: it was not made, but for one account where it looks.
        """
        answers: dict[str, T | Failure] = {}
        left = accounts
        if self.is_open:
            if self.seconds_closed_to_calls > 0:
                return {account: NotCalled(self._connector) for account in left}
            self._next_look = self._clock() + self._pause
            answers.update(await self._asked(left[:1], ask))
            left = left[1:]
            if self.is_open:
                return answers | {account: NotCalled(self._connector) for account in left}
        if left:
            answers.update(await self._asked(left, ask))
        return answers

    async def _asked(
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
