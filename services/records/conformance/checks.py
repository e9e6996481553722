"""Whether a request followed the procedure: each step, in order, in time, by the right person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bmt.agencies.agency import AgencyRules
from bmt.agencies.charter import due_at
from bmt.contracts.http.records import MissingDocument, Notice, RecordState

Code = Literal[
    "decision_overdue",
    "configuration_overdue",
    "notice_overdue",
    "not_filed",
    "decision_late",
    "configuration_late",
    "notice_late",
    "out_of_order",
    "decided_own_request",
    "decided_without_role",
    "approver_configured",
    "warnings_not_explained",
    "document_missing",
    "configuration_failed",
    "record_unreadable",
]
"""The kinds of deviation. `overdue` is not done yet; `late` was done after its due day."""

_OUTCOMES: Final = {
    ("approved", "application"): "configured",
    ("approved", "termination"): "terminated",
    ("rejected", "application"): "rejected",
    ("rejected", "termination"): "rejected",
    ("withdrawn", "application"): "withdrawn",
    ("withdrawn", "termination"): "withdrawn",
}
"""The notice that ends the procedure (SOP step 4)."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation from the procedure. `detail` has no personal data."""

    code: Code
    detail: str


@dataclass(frozen=True, slots=True)
class Steps:
    """When each step was done (SOP 4.1.1, 4.2.1 and 6.0). None: not done, or not needed."""

    received_at: datetime
    decided_at: datetime | None
    configured_at: datetime | None
    notified_at: datetime | None
    filed_at: datetime | None


def steps_of(state: RecordState) -> Steps:
    """The steps that a request went through."""
    notice = _outcome(state)
    return Steps(
        received_at=state.received_at,
        decided_at=state.decision.decided_at if state.decision else None,
        configured_at=state.configured_at,
        notified_at=notice.at if notice else None,
        filed_at=state.filed_at,
    )


def deviations(
    state: RecordState, missing: Sequence[MissingDocument], rules: AgencyRules | None, now: datetime
) -> Iterator[Deviation]:
    """The deviations, in the order of the procedure.

    Args:
        state: from the record.
        missing: documents that are named and not filed.
        rules: of the agency. Without them no due day is checked.
        now: for steps that are not done yet.
    """
    steps = steps_of(state)
    yield from _decision(state, steps, now)
    if state.decision and state.decision.decision == "approved":
        yield from _configuration(state, steps, rules, now)
    yield from _notice(state, steps, rules, now)
    yield from _order(steps)
    for document in missing:
        yield Deviation("document_missing", f"a document is not filed: {document.reason}")
    if steps.notified_at and not steps.filed_at:
        yield Deviation("not_filed", "the user was told, and the file is not complete")


def _decision(state: RecordState, steps: Steps, now: datetime) -> Iterator[Deviation]:
    decision = state.decision
    if decision is None:
        if state.due_at and now > state.due_at:
            yield Deviation("decision_overdue", f"a decision was due {_day(state.due_at)}")
        return
    if state.due_at and steps.decided_at and steps.decided_at > state.due_at:
        yield Deviation(
            "decision_late", f"decided {_day(steps.decided_at)}, due {_day(state.due_at)}"
        )
    officer = decision.decided_by
    if officer is None:
        return
    if officer.role != "administrator":
        yield Deviation("decided_without_role", f"decided by somebody with the role {officer.role}")
    if officer.subject.casefold() == state.applicant.account.casefold():
        yield Deviation("decided_own_request", "decided by the applicant")
    if decision.decision == "approved" and state.warnings and not decision.exception_reason:
        yield Deviation(
            "warnings_not_explained", f"approved in spite of {', '.join(state.warnings)}"
        )


def _configuration(
    state: RecordState, steps: Steps, rules: AgencyRules | None, now: datetime
) -> Iterator[Deviation]:
    if state.status == "configuration_failed":
        yield Deviation("configuration_failed", "a target refused the change")
    due = _due(steps.decided_at, rules, "configure")
    if due and steps.configured_at is None and now > due:
        yield Deviation("configuration_overdue", f"the configuration was due {_day(due)}")
    if due and steps.configured_at and steps.configured_at > due:
        yield Deviation(
            "configuration_late", f"configured {_day(steps.configured_at)}, due {_day(due)}"
        )
    by = state.configured_by
    approver = state.decision.decided_by if state.decision else None
    same = by is not None and approver is not None and by.subject == approver.subject
    if same and rules and not rules.separation.approver_may_configure:
        yield Deviation("approver_configured", "configured by who had approved")


def _notice(
    state: RecordState, steps: Steps, rules: AgencyRules | None, now: datetime
) -> Iterator[Deviation]:
    concluded = steps.configured_at or (
        steps.decided_at if state.decision and state.decision.decision == "rejected" else None
    )
    due = _due(concluded, rules, "notify")
    if due and steps.notified_at is None and now > due:
        yield Deviation("notice_overdue", f"the user was to be told by {_day(due)}")
    if due and steps.notified_at and steps.notified_at > due:
        yield Deviation(
            "notice_late", f"the user was told {_day(steps.notified_at)}, due {_day(due)}"
        )


def _order(steps: Steps) -> Iterator[Deviation]:
    """Each step must come after those before it."""
    done = [
        ("received", steps.received_at),
        ("decided", steps.decided_at),
        ("configured", steps.configured_at),
        ("notified", steps.notified_at),
        ("filed", steps.filed_at),
    ]
    before: tuple[str, datetime] | None = None
    for name, at in done:
        if at is None:
            continue
        if before is not None and at < before[1]:
            yield Deviation("out_of_order", f"{name} before it was {before[0]}")
        before = (name, at)


def _outcome(state: RecordState) -> Notice | None:
    if state.decision is None:
        return None
    about: Any = _OUTCOMES.get((state.decision.decision, state.kind))
    notified = [one for one in state.notices if one.about == about and one.status == "notified"]
    return min(notified, key=lambda one: one.at, default=None)


def _due(since: datetime | None, rules: AgencyRules | None, step: str) -> datetime | None:
    if since is None or rules is None:
        return None
    days = getattr(rules.charter_working_days, step)
    return due_at(since, days, rules.state, frozenset(rules.closed_days))


def _day(at: datetime) -> str:
    return at.date().isoformat()
