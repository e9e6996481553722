"""How far a run is, for whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """Changes as the run goes on.

    Attributes:
        stories: how many there are.
        faults: how many there are.
        begun: stories that were begun.
        ended: stories that came to their end.
        struck: faults that were done.
        phase: what is going on, in a line.
        surprises: what each story was told that the procedure does not say, by its name.
        unended: stories that did not come to their end.
    """

    stories: int
    faults: int
    begun: int = 0
    ended: int = 0
    struck: int = 0
    phase: str = "starting"
    surprises: dict[str, str] = field(default_factory=dict)
    unended: list[str] = field(default_factory=list)


Watch = Callable[[Progress], None]
"""Told whenever something changed."""


def nobody(_: Progress) -> None:
    """Nobody watches."""
