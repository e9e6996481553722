"""Asks a target account by account, a bounded number at a time, however many lists are under way."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final, TypeVar

from services.provisioning.connectors.connector import (
    Failure,
    NotCalled,
    OperatorNeeded,
    TargetAway,
    TargetRefused,
    Unsettled,
)

T = TypeVar("T")

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
