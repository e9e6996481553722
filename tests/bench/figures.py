"""A figure, the rounds that it is the median of, and what it is compared with."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        bench: the bench that it is of.
        name: what was measured.
        unit: of the value, of every round and of the baseline.
        rounds: each round's value; the figure is their median.
        baseline: each round's value of what it is compared with, in the same run.
        goal: what it should be, for people.
        higher_is_better: which way the ratio is read.
    """

    bench: str
    name: str
    unit: str
    rounds: Sequence[float]
    baseline: Sequence[float] = field(default_factory=tuple)
    goal: str = ""
    higher_is_better: bool = True

    @property
    def value(self) -> float:
        """The median of its rounds."""
        return statistics.median(self.rounds)

    @property
    def compared_with(self) -> float | None:
        """The median of the baseline's rounds, if it has one."""
        return statistics.median(self.baseline) if self.baseline else None

    @property
    def ratio(self) -> float | None:
        """The figure by its baseline."""
        base = self.compared_with
        return self.value / base if base else None


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
