"""How large a bench is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        requests: of one round.
        rounds: of which the median is told.
        commits: stored ones, where a bench is about many.
        profile: a service to look into while the rounds run.
    """

    requests: int = 3000
    rounds: int = 3
    commits: int = 1_000_000
    profile: str = ""
