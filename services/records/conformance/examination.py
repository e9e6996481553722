"""Examines every request that an agency received in a period, from the record alone."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bmt.agencies.agency import AgencyRules
from bmt.agencies.charter import is_late
from bmt.agencies.register import Agencies
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import (
    ConformanceLine,
    ConformanceReport,
    MissingDocument,
    Notice,
    RecordState,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import CharterStep
from services.records.audited_queries import AuditedQueries
from services.records.charter.cases import Span, spans_of
from services.records.domain.errors import RecordNotFound
from services.records.domain.reader import Reader
from services.records.ledger.leaf import OpenLeaf
from services.records.ledger.leaves import Leaves
from services.records.time_machine import facts_of, missing, state_of
from services.records.views import FileEntry

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


_CHARTER: Final[Mapping[CharterStep, tuple[Code, Code, str, str]]] = {
    "decide": ("decision_overdue", "decision_late", "a decision", "decided"),
    "configure": ("configuration_overdue", "configuration_late", "the configuration", "configured"),
    "notify": ("notice_overdue", "notice_late", "the notice of the outcome", "the user was told"),
}


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
    state: RecordState,
    spans: Sequence[Span],
    missing: Sequence[MissingDocument],
    rules: AgencyRules | None,
    now: datetime,
) -> Iterator[Deviation]:
    """The deviations, in the order of the procedure.

    Args:
        state: from the record.
        spans: the steps by which the client charter is measured, as its figures count them.
        missing: documents that are named and not filed.
        rules: of the agency. Without them nobody is kept from configuring.
        now: for steps that are not done yet.
    """
    steps = steps_of(state)
    yield from _in_time(spans, "decide", now)
    yield from _decision(state)
    if state.decision and state.decision.decision == "approved":
        yield from _configuration(state, rules)
    yield from _in_time(spans, "configure", now)
    yield from _in_time(spans, "notify", now)
    yield from _order(steps)
    for document in missing:
        yield Deviation("document_missing", f"a document is not filed: {document.reason}")
    if steps.notified_at and not steps.filed_at:
        yield Deviation("not_filed", "the user was told, and the file is not complete")


def _in_time(spans: Sequence[Span], step: CharterStep, now: datetime) -> Iterator[Deviation]:
    overdue, late, name, done = _CHARTER[step]
    for span in spans:
        if span.step != step or span.due_at is None:
            continue
        if span.at is None and is_late(now, span.due_at):
            yield Deviation(overdue, f"{name} was due {_day(span.due_at)}")
        elif span.at and is_late(span.at, span.due_at):
            yield Deviation(late, f"{done} {_day(span.at)}, due {_day(span.due_at)}")


def _decision(state: RecordState) -> Iterator[Deviation]:
    decision = state.decision
    officer = decision.decided_by if decision else None
    if decision is None or officer is None:
        return
    if officer.role != "administrator":
        yield Deviation("decided_without_role", f"decided by somebody with the role {officer.role}")
    if officer.subject.casefold() == state.applicant.account.casefold():
        yield Deviation("decided_own_request", "decided by the applicant")
    if decision.decision == "approved" and state.warnings and not decision.exception_reason:
        yield Deviation(
            "warnings_not_explained", f"approved in spite of {', '.join(state.warnings)}"
        )


def _configuration(state: RecordState, rules: AgencyRules | None) -> Iterator[Deviation]:
    if state.status == "configuration_failed":
        yield Deviation("configuration_failed", "a target refused the change")
    by = state.configured_by
    approver = state.decision.decided_by if state.decision else None
    same = by is not None and approver is not None and by.subject == approver.subject
    if same and rules and not rules.separation.approver_may_configure:
        yield Deviation("approver_configured", "configured by who had approved")


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


def _day(at: datetime) -> str:
    return at.date().isoformat()


AT_A_TIME: Final = 100
_UNREADABLE: Final = Deviation("record_unreadable", "no event of it can be read: verify the record")
MOST_REQUESTS: Final = 20_000


class TooManyRequests(Refused):
    """The period contains more requests than one report may."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class Period:
    """Requests received at `since` or later, and before `before`."""

    agency: str
    since: datetime
    before: datetime


@dataclass(frozen=True, slots=True)
class Examination:
    """Makes reports."""

    queries: AuditedQueries
    files: ViewProjection[FileEntry]
    ledger: Leaves
    agencies: Agencies
    clock: Clock

    async def report(self, reader: Reader, period: Period) -> ConformanceReport:
        """Report on every request of the period, earliest received first. This access is recorded.

        Raises:
            RecordNotFound: this reader may not see the agency's files.
            TooManyRequests: the period contains more than `MOST_REQUESTS`.
        """
        if not reader.may_see(period.agency):
            raise RecordNotFound
        entries = await self._entries(period)
        criteria = {
            "report": "conformance",
            "since": rfc3339(period.since),
            "before": rfc3339(period.before),
        }
        await self.queries.record_search(reader, period.agency, criteria, len(entries))
        lines: list[ConformanceLine] = []
        for start in range(0, len(entries), AT_A_TIME):
            some = entries[start : start + AT_A_TIME]
            ids = [entry.request_id for entry in some]
            chains = await self.ledger.opened_of(ids)
            lines += [self._line(one, chains.get(one.request_id, ())) for one in some]
            await asyncio.sleep(0)  # other requests get their turn
        return report(period, lines, self.clock())

    async def _entries(self, period: Period) -> list[FileEntry]:
        found: list[FileEntry] = []
        after: tuple[datetime, str] | None = None
        while True:
            some = await self.files.find(
                Query(
                    equal={"agency": period.agency},
                    at_least={"received_at": period.since},
                    below={"received_at": period.before},
                    order_by="received_at",
                    after=after,
                    limit=AT_A_TIME,
                )
            )
            found += some
            if len(found) > MOST_REQUESTS:
                wrong = FieldError.of("/query/to", "period_too_long", maximum=MOST_REQUESTS)
                raise TooManyRequests(errors=(wrong,))
            if len(some) < AT_A_TIME:
                return found
            after = (some[-1].received_at, some[-1].request_id)

    def _line(self, entry: FileEntry, chain: Sequence[OpenLeaf]) -> ConformanceLine:
        events = [leaf.event for leaf in chain]
        facts = facts_of(events)
        if facts is None:
            return line(entry, None, [_UNREADABLE])
        state = state_of(facts, events, entry.filed_at)
        rules = self.agencies.get(entry.agency).rules if entry.agency in self.agencies else None
        spans, unfiled = spans_of(entry, rules), missing(entry.unfiled)
        return line(entry, state, list(deviations(state, spans, unfiled, rules, self.clock())))


def line(
    entry: FileEntry, state: RecordState | None, found: Sequence[Deviation]
) -> ConformanceLine:
    """The report's line about one file. `state` is None if no event of the file can be read."""
    decision = state.decision if state else None
    officer = decision.decided_by if decision else None
    operator = state.configured_by if state else None
    steps = steps_of(state) if state else Steps(entry.received_at, None, None, None, entry.filed_at)
    return ConformanceLine(
        request_id=entry.request_id,
        reference=entry.reference,
        file_number=entry.file_number,
        kind=entry.kind,
        status=state.status if state else entry.status,
        folios=len(entry.document_ids),
        deviations=[asdict(one) for one in found],
        decision=decision.decision if decision else None,
        decided_by=officer.subject if officer else None,
        configured_by=operator.subject if operator else None,
        not_read_back=state.not_read_back if state else (),
        **asdict(steps),
    )


def report(period: Period, lines: Sequence[ConformanceLine], at: datetime) -> ConformanceReport:
    """The lines with their totals."""
    counted = Counter(one.code for line in lines for one in line.deviations)
    return ConformanceReport(
        agency=period.agency,
        since=period.since,
        before=period.before,
        made_at=at,
        requests=len(lines),
        conforming=sum(not line.deviations for line in lines),
        by_code=dict(sorted(counted.items())),
        lines=tuple(lines),
    )
