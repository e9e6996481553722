"""How long each step of a request took, and `bmt_step_seconds`, the histogram of it.

The first time of each milestone counts, so events may arrive in any order and more than once.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from bmt.contracts.events import (
    OUTCOMES,
    Approved,
    Configured,
    Filed,
    Notified,
    Rejected,
    RequestEvent,
    Withdrawn,
)

Times = Mapping[str, str | float]
"""A request's agency, and its milestones in seconds since 1970."""

MILESTONES: Final = (Approved, Rejected, Withdrawn, Configured, Notified, Filed)
"""The events that reach a milestone after the receipt."""

AGENCY: Final = "agency"
RECEIVED, DECIDED, CONFIGURED, NOTIFIED, FILED = (
    "received",
    "decided",
    "configured",
    "notified",
    "filed",
)
REFUSED: Final = "refused"
"""When a request was refused. Its notice follows the decision, not a configuration."""


def after(times: Times | None, event: RequestEvent, happened_at: datetime) -> Times:
    """The times after `event`. The earliest time of a milestone stays."""
    reached: dict[str, str | float] = dict(times or {AGENCY: event.request.agency})
    for milestone, at in _milestones(event, happened_at):
        seconds = at.timestamp()
        reached[milestone] = min(seconds, float(reached.get(milestone, seconds)))
    return reached


def _milestones(event: RequestEvent, happened_at: datetime) -> Iterator[tuple[str, datetime]]:
    yield RECEIVED, event.request.received_at
    match event:
        case Approved():
            yield DECIDED, event.decided_at
        case Rejected():
            yield DECIDED, event.decided_at
            yield REFUSED, event.decided_at
        case Withdrawn():
            yield DECIDED, happened_at
            yield REFUSED, happened_at
        case Configured():
            yield CONFIGURED, event.configured_at
        case Notified() if event.about in OUTCOMES:
            yield NOTIFIED, happened_at
        case Filed():
            yield FILED, event.filed_at


def durations(times: Times) -> dict[str, float]:
    """Seconds of each step whose start and end are known, by the milestone that ends it."""
    notified_after = DECIDED if REFUSED in times else CONFIGURED
    begins = {
        DECIDED: RECEIVED,
        CONFIGURED: DECIDED,
        NOTIFIED: notified_after,
        FILED: NOTIFIED,
    }
    # Clocks of two machines differ, so a step could seem to take less than no time.
    return {
        step: round(max(0.0, float(times[step]) - float(times[begin])), 3)
        for step, begin in begins.items()
        if step in times and begin in times
    }


_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
BOUNDS: Final = (
    *(1.0, 10.0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR),
    *(_DAY, 2 * _DAY, 3 * _DAY, 5 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY),
    float("inf"),
)
"""Upper bounds of the buckets, from seconds to a month."""


@dataclass(slots=True)
class _Series:
    counts: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))
    total: float = 0.0

    def add(self, seconds: float, times: int) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += times
        self.total += seconds * times

    def buckets(self) -> Iterator[tuple[str, float]]:
        """Cumulative, as Prometheus expects."""
        below = 0
        for bound, count in zip(BOUNDS, self.counts, strict=True):
            below += count
            yield _written(bound), below


class Figures(Collector):
    """The histogram of every step and agency. No label contains an id or a person."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Series] = {}

    def replace(self, before: Times | None, after: Times) -> None:
        """Count a request as `after`, and no longer as `before`."""
        agency = str(after[AGENCY])
        for sign, steps in ((-1, durations(before) if before else {}), (1, durations(after))):
            for step, seconds in steps.items():
                self._series.setdefault((step, agency), _Series()).add(seconds, sign)

    def clear(self) -> None:
        self._series = {}

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(
            "bmt_step_seconds",
            "How long a step took, from the milestone before it, by the milestone it led to.",
            labels=["step", "agency"],
        )
        for labels, series in sorted(self._series.items()):
            family.add_metric(labels, list(series.buckets()), series.total)
        return [family]

    def totals(self) -> Mapping[tuple[str, str], int]:
        """The number of requests that took each step, by step and agency."""
        return {labels: sum(series.counts) for labels, series in self._series.items()}


def _written(bound: float) -> str:
    """A bucket's bound in Prometheus' notation."""
    return "+Inf" if bound == float("inf") else str(bound)
