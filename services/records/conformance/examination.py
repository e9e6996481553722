"""Examines every request that an agency received in a period, from the record alone."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from bmt.agencies.register import Agencies
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import ConformanceLine, ConformanceReport, RecordState
from bmt.contracts.problems import FieldError, Refused
from services.records.audited_queries import AuditedQueries
from services.records.charter.cases import Case, spans_of
from services.records.conformance.checks import Deviation, Steps, deviations, steps_of
from services.records.domain.errors import RecordNotFound
from services.records.domain.reader import Reader
from services.records.ledger.leaf import OpenLeaf
from services.records.ledger.leaves import Leaves
from services.records.time_machine import facts_of, missing, state_of
from services.records.views import FileEntry

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
    cases: ViewProjection[Case]
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
            chains, cases = await self.ledger.opened_of(ids), await self.cases.get_many(ids)
            lines += [
                self._line(one, chains.get(id_, ()), cases.get(id_))
                for id_, one in zip(ids, some, strict=True)
            ]
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

    def _line(
        self, entry: FileEntry, chain: Sequence[OpenLeaf], case: Case | None
    ) -> ConformanceLine:
        events = [leaf.event for leaf in chain]
        facts = facts_of(events)
        if facts is None:
            return line(entry, None, [_UNREADABLE])
        state = state_of(facts, events, entry.filed_at)
        rules = self.agencies.get(entry.agency).rules if entry.agency in self.agencies else None
        spans = spans_of(case, rules) if case else ()
        unfiled = missing(entry.unfiled)
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
