"""How far a run is, for whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        struck: faults that were done.
        phase: what is going on, in a line.
        surprises: answers that the procedure does not allow, by the story's name.
        unended: stories that did not end.
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
"""Called at each change."""


def nobody(_: Progress) -> None:
    """Ignores the progress."""
