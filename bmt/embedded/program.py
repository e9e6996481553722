"""What there is to know of one process before it runs: its command, and when it is ready."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Step = Callable[[], Awaitable[None]]
Probe = Callable[[], Awaitable[bool]]


async def nothing() -> None:
    """The step of a program that has nothing to do there."""


@dataclass(frozen=True)
class Program:
    """One process of the system.

    Attributes:
        name: what it is called in the log folder, in messages and in the ready file.
        command: the executable and its arguments.
        ready: answers whether it can be used now; asked again until it says yes.
        environment: variables on top of those that we were started with.
        after: the names of the programs that must be ready before this one starts.
        prepare: runs before every start; makes files, formats storage. Must bear repetition.
        settle: runs after every start, once ready; makes users, rights, topics. As `prepare`.
        patience: seconds that it may take to become ready.
        grace: seconds that it may take to stop before it is killed.
        folder: its working directory, where relative paths of its configuration begin.
    """

    name: str
    command: Sequence[str]
    ready: Probe
    environment: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    prepare: Step = nothing
    settle: Step = nothing
    patience: float = 60.0
    grace: float = 20.0
    folder: Path | None = None
