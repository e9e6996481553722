"""The steps of a request: which are done, which one is current, and what it waits for.

The status says which step is now; the history says who took each step, and when. Nothing here knows a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, NamedTuple, Protocol, cast

from bmt.agencies import charter
from bmt.agencies.agency import AgencyRules
from bmt.agencies.charter import State
from bmt.contracts.events import Target
from bmt.contracts.http.approval import OwnAgency
from bmt.contracts.http.provisioning import ConfigurationState
from bmt.contracts.values import Status

StepName = Literal["received", "decided", "configured", "notified", "filed"]
StepState = Literal["done", "now", "failed", "ahead"]

SERVICES: Final = frozenset(
    {
        *("intake", "approval", "provisioning", "notification", "records"),
        *("mailbox", "bmt provisioning"),
    }
)
"""The actors in a history that are not persons, by account or by name."""

_ENDS: Final = ("approved", "rejected", "withdrawn")
NOW: Final[Mapping[Status, StepName]] = {
    "received": "decided",
    "returned": "decided",
    "approved": "configured",
    "configuring": "configured",
    "awaiting_operator": "configured",
    "configuration_failed": "configured",
    "configured": "notified",
    "rejected": "notified",
    "withdrawn": "notified",
    "notified": "filed",
}
"""The step that a request of this status is in; a filed one is in none."""
_WAITS_FOR: Final[Mapping[Status, str]] = {
    "received": "decision",
    "returned": "correction",
    "approved": "turn",
    "configuring": "targets",
    "awaiting_operator": "officer",
    "configuration_failed": "mending",
    "notified": "filing",
}
_PLANNED: Final[Mapping[StepName, str]] = {
    "received": "received",
    "decided": "decision",
    "configured": "configuration",
    "notified": "notice",
    "filed": "filing",
}
"""What a step that is not done is called."""


class Happened(Protocol):
    """A step of a request's history, as intake or approval returns it."""

    @property
    def step(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def by(self) -> str | None: ...


class PastStep(NamedTuple):
    """A step that comes from elsewhere than intake or approval."""

    step: str
    at: datetime
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """When a step must be done (client charter).

    Attributes:
        is_late: it is past.
        working_days: those that are left after today, or that it is late.
    """

    at: datetime
    is_late: bool
    working_days: int


class Away(NamedTuple):
    """A target that does not answer, or is in maintenance; `since`: None: not known."""

    target: Target
    since: datetime | None
    in_maintenance: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page knows of a request beside its history.

    Attributes:
        names: of people, by their accounts in lower case.
        unnamed: what anybody else is called; None: by their account.
        dues: of the steps that have one.
        on_paper: its notices are handed over.
        more_approvals: others have approved, and not enough.
        hopeless: its configuration failed, and a retry cannot help.
        away: the target that its configuration waits for.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    unnamed: str | None = None
    dues: Mapping[StepName, Due] = field(default_factory=dict)
    on_paper: bool = False
    more_approvals: bool = False
    hopeless: bool = False
    away: Away | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the procedure, as a page shows it.

    Attributes:
        label: a key of `web.wording.STEP_LABEL`: the outcome of a step that is done, else what is planned.
        at: when it was done, or has been waiting or failing since.
        by: the person's name; None: the system, or not known.
        due: of a step that is not done.
        waits_for: a key of `web.wording.WAITS_FOR`.
    """

    name: StepName
    label: str
    state: StepState
    at: datetime | None = None
    by: str | None = None
    due: Due | None = None
    waits_for: str | None = None


def away_of(configuration: ConfigurationState | None) -> Away | None:
    """The target that a configuration waits for; None: it waits for none."""
    if configuration is None or configuration.away is None:
        return None
    in_maintenance = configuration.away_until is not None
    return Away(configuration.away, configuration.away_since, in_maintenance)


_NO_FACTS: Final = Facts()


def steps_of(
    status: Status, history: Sequence[Happened], facts: Facts = _NO_FACTS
) -> Sequence[Step]:
    """The steps of a request, in their order; `history` has the oldest first.

    A refused or withdrawn request is not configured.
    """
    end = _last(history, *_ENDS)
    ended = end.step if end else None
    order: list[StepName] = ["received", "decided", "configured", "notified", "filed"]
    if status in ("rejected", "withdrawn") or ended in ("rejected", "withdrawn"):
        order.remove("configured")
    now = NOW.get(status)
    place = order.index(now) if now in order else len(order)
    after = history[history.index(end) :] if end else ()
    steps = []
    for index, name in enumerate(order):
        if index < place:
            steps.append(_done(name, history, facts))
        elif index == place:
            steps.append(_current(name, status, history, after, facts))
        else:
            steps.append(Step(name, _PLANNED[name], "ahead"))
    return steps


def _done(name: StepName, history: Sequence[Happened], facts: Facts) -> Step:
    if name == "received":
        event = next((one for one in history if one.step == "received"), None)
    else:
        event = _last(history, *(_ENDS if name == "decided" else (name,)))
    label = event.step if event and name == "decided" else name
    # If the history lacks the decision, it was an approval: the request went on.
    label = "approved" if label == "decided" else label
    return Step(name, label, "done", event.at if event else None, _person(event, facts))


def _current(
    name: StepName,
    status: Status,
    history: Sequence[Happened],
    after: Sequence[Happened],
    facts: Facts,
) -> Step:
    due = facts.dues.get(name)
    if name == "notified":
        label, state, event, waits_for = _notice(after, facts)
        return Step(name, label, state, event.at if event else None, None, due, waits_for)
    waits_for = _WAITS_FOR[status]
    if facts.away and waits_for in ("turn", "targets"):
        target, since, in_maintenance = facts.away
        why = f"{target}_maintenance" if in_maintenance else f"{target}_away"
        return Step(name, _PLANNED[name], "now", since, None, due, why)
    if status == "returned":
        event = _last(history, "returned")
        at, by = (event.at, _person(event, facts)) if event else (None, None)
        return Step(name, "returned", "now", at, by, None, waits_for)
    if status == "configuration_failed":
        event = _last(history, "configuration_failed")
        waits_for = "new_request" if facts.hopeless else waits_for
        at = event.at if event else None
        return Step(name, "configuration_failed", "failed", at, None, due, waits_for)
    if status == "received":
        last = _last(history, "received", "withdrawal_requested")
        if last and last.step == "withdrawal_requested":
            waits_for = "withdrawal"
        elif facts.more_approvals:
            waits_for = "another_decision"
    return Step(name, _PLANNED[name], "now", None, None, due, waits_for)


def _notice(after: Sequence[Happened], facts: Facts) -> tuple[str, StepState, Happened | None, str]:
    last = _last(after, "notification_prepared", "notification_failed")
    if last is None:
        return "notice", "now", None, "composing"
    if last.step == "notification_failed":
        return "notification_failed", "failed", last, "resending"
    return "notice", "now", None, "handing_over" if facts.on_paper else "sending"


def _last(history: Sequence[Happened], *steps: str) -> Happened | None:
    return next((one for one in reversed(history) if one.step in steps), None)


def _person(event: Happened | None, facts: Facts) -> str | None:
    return person(event.by if event else None, facts.names, facts.unnamed)


def person(by: str | None, names: Mapping[str, str], unnamed: str | None = None) -> str | None:
    """The person's name; None: no person did it. An account without a name is shown as `unnamed`, if given."""
    if not by or by in SERVICES:
        return None
    name = names.get(by.casefold())
    return name or (unnamed if unnamed and "@" in by else by)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision on a request, and its status since.

    Attributes:
        decision: None: nobody decided yet.
        quota_bytes: what was granted; None: nothing, or not known.
        at: when it came to `status`; None: not known.
    """

    decision: Literal["approved", "rejected", "withdrawn"] | None
    quota_bytes: int | None
    status: Status
    at: datetime | None

    @property
    def tone(self) -> str:
        """Its colour: a refused request never turns green."""
        if self.status == "configuration_failed" or self.decision == "rejected":
            return "bad"
        if self.decision == "approved":
            return "wait" if self.status == "awaiting_operator" else "good"
        return "" if self.decision else "wait"


def outcome_of(
    status: Status, history: Sequence[Happened], quota_bytes: int | None = None
) -> Outcome:
    """`quota_bytes`: as granted."""
    end = _last(history, *_ENDS)
    decided = end.step if end else None
    if status in ("received", "returned"):
        decided = None
    if decided is None and status in _ENDS:
        decided = status
    at = _last(history, status)
    granted = quota_bytes if decided == "approved" else None
    return Outcome(decided, granted, status, at.at if at else None)  # type: ignore[arg-type]


def due_of(at: datetime, now: datetime, rules: OwnAgency | AgencyRules | None) -> Due:
    """`rules` decide which days are working days; None: those of the federal capital do."""
    state = cast("State", (rules and rules.state) or "kuala-lumpur")
    closed: frozenset[date] = frozenset(rules.closed_days) if rules else frozenset()
    is_late = charter.is_late(now, at)
    begin, end = (at, now) if is_late else (now, at)
    return Due(at, is_late, charter.working_days_between(begin, end, state, closed))
