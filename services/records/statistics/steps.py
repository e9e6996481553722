"""How long each step of a request took, told from its events in whatever order they come.

For each request it is known when each milestone was first reached: the same event again changes nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from bmt.contracts.events import (
    Approved,
    Configured,
    Filed,
    Notified,
    Rejected,
    RequestEvent,
    Withdrawn,
)
from bmt.contracts.progress import OUTCOMES

Times = Mapping[str, str | float]
"""What is known of a request: its agency, and milestones in seconds since 1970."""

MILESTONES: Final = (Approved, Rejected, Withdrawn, Configured, Notified, Filed)
"""The events that reach one beyond the receipt."""

AGENCY: Final = "agency"
RECEIVED, DECIDED, CONFIGURED, NOTIFIED, FILED = (
    "received",
    "decided",
    "configured",
    "notified",
    "filed",
)
REFUSED: Final = "refused"
"""When a request was refused: its notice follows its decision, and not a configuration."""


def after(times: Times | None, event: RequestEvent, happened_at: datetime) -> Times:
    """The times with `event` known too; the first moment that a milestone was reached stays."""
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
    """Seconds of each step whose beginning and end are known, by the milestone it led to."""
    told_after = DECIDED if REFUSED in times else CONFIGURED
    begins = {
        DECIDED: RECEIVED,
        CONFIGURED: DECIDED,
        NOTIFIED: told_after,
        FILED: NOTIFIED,
    }
    # Clocks of two machines differ: a step never took less than no time.
    return {
        step: round(max(0.0, float(times[step]) - float(times[begin])), 3)
        for step, begin in begins.items()
        if step in times and begin in times
    }
