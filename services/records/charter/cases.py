"""What the client charter needs of each request, without a person in it: when each step began, was due and was done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bmt.agencies.agency import AgencyRules
from bmt.agencies.register import Agencies
from bmt.chassis.readmodels.view_store import Body
from bmt.contracts.events import (
    OUTCOMES,
    Approved,
    Configured,
    Notified,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.values import Channel, CharterStep, Kind
from services.records.domain.designated_file import Milestone
from services.records.domain.events import EventFiled

What = Literal["opened", "approved", "rejected", "returned", "withdrawn", "configured", "notified"]
_WHAT: Final[Mapping[str, What]] = {
    ReviewOpened.TYPE: "opened",
    Approved.TYPE: "approved",
    Rejected.TYPE: "rejected",
    ReturnedForCorrection.TYPE: "returned",
    Withdrawn.TYPE: "withdrawn",
    Configured.TYPE: "configured",
    Notified.TYPE: "notified",
}


def milestone_of(event: RequestEvent, at: datetime, agencies: Agencies) -> Milestone | None:
    """What to note of an event that happened `at`.

    A step is due when approval, provisioning and notification say so of it, by the rules of today.
    """
    agency = event.request.agency
    rules = agencies.get(agency).rules if agency in agencies else None

    def due(step: CharterStep, since: datetime) -> datetime | None:
        return rules.due_at(step, since) if rules else None

    noted: Milestone | None = None
    match event:
        case ReviewOpened(due_at=due_at):
            noted = Milestone(at, due_at)
        case Approved(decided_at=decided_at):
            noted = Milestone(decided_at, due("configure", decided_at))
        case Rejected(decided_at=decided_at):
            noted = Milestone(decided_at, due("notify", at))
        case ReturnedForCorrection(decided_at=decided_at, reason=reason):
            noted = Milestone(decided_at, None, _prepared(reason, rules))
        case Withdrawn():
            noted = Milestone(at, due("notify", at))
        case Configured(configured_at=configured_at):
            noted = Milestone(configured_at, due("notify", at))
    return noted


def _prepared(reason: str, rules: AgencyRules | None) -> str | None:
    """The prepared reason that an officer's begins with. What they add in their own words may name people."""
    prepared = rules.prepared_reasons.return_ if rules else ()
    return next((one for one in prepared if f"{reason}\n".startswith(f"{one}\n")), None)


class Noted(BaseModel):
    """One event of a case. `sequence` orders those of one service; `due_at` None: no due time is on record."""

    model_config = ConfigDict(frozen=True)

    what: What
    sequence: int
    at: AwareDatetime
    due_at: AwareDatetime | None
    prepared_reason: str | None


class Case(BaseModel):
    """What the charter is measured by of one file. `open`: its user has not been notified of the outcome."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    agency: str
    kind: Kind
    channel: Channel | None = None
    received_at: datetime
    open: bool = True
    noted: tuple[Noted, ...] = ()

    def returned_for(self) -> Iterator[str | None]:
        """The prepared reason of each return; None: the officer's own words."""
        return (one.prepared_reason for one in self.noted if one.what == "returned")


def charter_changes(entry: Body, event: EventFiled) -> Body:
    """What changes in the entry of a file, if the charter is measured by this event."""
    what = _WHAT.get(event.event_type)
    if what is None or (what == "notified" and event.about not in OUTCOMES):
        return {}
    noted = {
        "what": what,
        "sequence": event.sequence,
        "at": event.at or event.occurred_at,
        "due_at": event.due_at,
        "prepared_reason": event.prepared_reason,
    }
    return {
        "open": entry["open"] and what != "notified",
        "noted": [*entry["noted"], noted],
    }


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a request, from when the agency had to act.

    Attributes:
        due_at: None: nothing was promised.
        end: what was done `at`; None: not done yet.
        assumed: no due time is on record; it is that of today's rules.
    """

    step: CharterStep
    since: datetime
    due_at: datetime | None
    at: datetime | None = None
    end: What | None = None
    assumed: bool = False


def spans_of(case: Case, rules: AgencyRules | None) -> Sequence[Span]:
    """The steps that the request reached, in their order.

    A request that was returned has a decision step for each time that it was before the agency; the time that its
    applicant took is in none.

    Args:
        case: its events may have come in any order of their services.
        rules: of the agency today, where no due time is on record. None: there are none any more.
    """
    noted = sorted(case.noted, key=lambda one: one.sequence)
    spans = _decisions(case, noted)
    last = spans[-1]
    ended = next((one for one in noted if one.at == last.at and one.what == last.end), None)
    if ended and ended.what == "approved":
        configured = next((one for one in noted if one.what == "configured"), None)
        spans.append(_following("configure", ended, configured))
        ended = configured
    if ended and ended.what != "returned":
        notified = next((one for one in noted if one.what == "notified"), None)
        spans.append(_following("notify", ended, notified))
    return [_resolved(span, rules) for span in spans]


def _decisions(case: Case, noted: Sequence[Noted]) -> list[Span]:
    spans = [Span("decide", case.received_at, None)]
    for one in noted:
        current = spans[-1]
        if one.what == "opened" and current.end:
            spans.append(Span("decide", one.at, one.due_at))
        elif one.what == "opened":
            spans[-1] = replace(current, due_at=one.due_at)
        elif one.what in ("approved", "rejected", "returned", "withdrawn"):
            spans[-1] = replace(current, at=one.at, end=one.what)
    return spans


def _following(step: CharterStep, before: Noted, done: Noted | None) -> Span:
    end: dict[str, Any] = {"at": done.at, "end": done.what} if done else {}
    return Span(step, before.at, before.due_at, **end)


def _resolved(span: Span, rules: AgencyRules | None) -> Span:
    if span.due_at or rules is None:
        return span
    return replace(span, due_at=rules.due_at(span.step, span.since), assumed=True)
