"""Examines every request of an agency in a period, as the record tells it; that it was done is remembered."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bmt.agencies.register import Agencies
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.records import ConformanceLine, ConformanceReport
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Status
from services.records.audited_queries import AuditedQueries
from services.records.conformance.checks import Deviation, Steps, deviations, steps_of
from services.records.conformance.report import Period, coded, moments, period_told, report
from services.records.domain.commands import Reader
from services.records.domain.errors import RecordNotFound
from services.records.ledger.leaves import Leaves
from services.records.sealing.leaf_seals import OpenLeaf
from services.records.time_machine import facts_of, missing, state_of
from services.records.views import FileEntry

AT_A_TIME: Final = 100
_UNREADABLE: Final = Deviation("record_unreadable", "no event of it can be read: verify the record")
MOST_REQUESTS: Final = 20_000


class TooManyRequests(Refused):
    """The period holds more requests than one report may."""

    problem = "validation_failed"


class Examination:
    """Makes reports."""

    def __init__(
        self,
        room: AuditedQueries,
        files: ViewProjection[FileEntry],
        ledger: Leaves,
        agencies: Agencies,
        clock: Clock,
    ) -> None:
        self._room = room
        self._files = files
        self._ledger = ledger
        self._agencies = agencies
        self._clock = clock

    async def report(self, reader: Reader, period: Period) -> ConformanceReport:
        """Every request of the period, the first received first.

        Raises:
            RecordNotFound: the agency's files are not this reader's to see.
            TooManyRequests: there are more than a report may hold.
        """
        if not reader.may_see(period.agency):
            raise RecordNotFound
        entries = await self._entries(period)
        await self._room.remember(reader, period.agency, period_told(period), len(entries))
        lines: list[ConformanceLine] = []
        for start in range(0, len(entries), AT_A_TIME):
            some = entries[start : start + AT_A_TIME]
            chains = await self._ledger.opened_of([entry.request_id for entry in some])
            lines += [self._line(entry, chains.get(entry.request_id, ())) for entry in some]
            await asyncio.sleep(0)  # others wait, too
        return report(period, lines, self._clock())

    async def _entries(self, period: Period) -> list[FileEntry]:
        found: list[FileEntry] = []
        after: tuple[datetime, str] | None = None
        while True:
            some = await self._files.find(
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
            return _line(entry, entry.status, steps=None, found=[_UNREADABLE])
        state = state_of(facts, events, entry.filed_at)
        rules = self._agencies.get(entry.agency).rules if entry.agency in self._agencies else None
        found = list(deviations(state, missing(entry.unfiled), rules, self._clock()))
        officer = state.decision.decided_by if state.decision else None
        return _line(
            entry,
            state.status,
            steps=steps_of(state),
            found=found,
            decision=state.decision.decision if state.decision else None,
            decided_by=officer.subject if officer else None,
            configured_by=state.configured_by.subject if state.configured_by else None,
        ).model_copy(update={"not_read_back": state.not_read_back})


def _line(
    entry: FileEntry,
    status: Status,
    *,
    steps: Steps | None,
    found: Sequence[Deviation],
    **people: str | None,
) -> ConformanceLine:
    steps = steps or Steps(entry.received_at, None, None, None, entry.filed_at)
    told = {"decision": None, "decided_by": None, "configured_by": None, **people}
    return ConformanceLine(
        request_id=entry.request_id,
        reference=entry.reference,
        file_number=entry.file_number,
        kind=entry.kind,
        status=status,
        folios=len(entry.document_ids),
        deviations=coded(found),
        **moments(steps),
        **told,
    )
