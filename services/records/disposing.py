"""Holds on files, and the disposal of a person's data: proposed, decided, then carried out.

A disposal first writes to the ledger and destroys the keys last. Each step can be repeated, so after a
crash another process starts the work again.
"""

import asyncio
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime import clock as ids
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work import Done, Later, WorkItem, WorkOutcome
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import DisposalProposal, DisposalRuling
from bmt.verify_record import DISPOSED
from services.records.domain.designated_file import (
    DesignatedFile,
    FileDisposal,
    PlaceHold,
    ReleaseHold,
    State,
    stream_of,
)
from services.records.domain.disposal import (
    BeginDisposal,
    Blocker,
    Disposal,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.events import SOURCE
from services.records.domain.reader import Reader
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.sealing.keys import Person, PersonKeys

log = structlog.get_logger(__name__)

_EVENTS: Final = uuid.UUID("5b0f1f0e-6f1c-5d0b-9c55-6a1d2f7c4e11")
"""The namespace of the disposals' event ids: the same disposal of the same file always has the same id."""
_LEAP_DAY: Final = 29


@dataclass(frozen=True, slots=True)
class DisposalService:
    """Executes the commands of holds and disposals, and carries out approved disposals."""

    execution: Execution[Any, Any]
    ledger: Leaves
    people: PersonKeys
    agencies: Agencies
    clock: Clock

    async def propose(self, proposal: DisposalProposal, context: CommandContext) -> Executed:
        """Propose to dispose of everything that the record holds about a person.

        Raises:
            DisposalNotFound: the record holds nothing about such a person.
            NotDisposable: files must keep the data.
        """
        agency, disposal_id = context.principal.agency, ids.new_id()
        keys = await self.people.all_of(Person(agency, proposal.account))
        files = await self._files_under(keys)
        command = ProposeDisposal(
            disposal_id=disposal_id,
            agency=agency,
            account=proposal.account,
            reason=proposal.reason,
            keys=tuple(sorted(keys)),
            request_ids=tuple(files),
            blockers=self._blockers(files),
            proposed_by=context.principal.subject,
            at=self.clock(),
        )
        return await self._handle(f"disposal-{disposal_id}", context, command, begins=True)

    async def rule(
        self, disposal_id: str, ruling: DisposalRuling, context: CommandContext
    ) -> Executed:
        """Approve a disposal as another administrator, or reject it.

        Raises:
            Refused: as the decider says.
        """
        command = RuleOnDisposal(
            approved=ruling.decision == "approved",
            reason=ruling.reason,
            agency=context.principal.agency,
            decided_by=context.principal.subject,
            at=self.clock(),
        )
        return await self._handle(f"disposal-{disposal_id}", context, command)

    async def hold(
        self, request_id: str, reader: Reader, reason: str, context: CommandContext
    ) -> Executed:
        """Keep a file whatever its age.

        Raises:
            RecordNotFound: this reader may see no such file.
        """
        command = PlaceHold(reader, reason, self.clock())
        return await self._handle(stream_of(request_id), context, command)

    async def release(
        self, request_id: str, reader: Reader, reason: str, context: CommandContext
    ) -> Executed:
        """End the reader's own hold, or as an auditor every hold.

        Raises:
            RecordNotFound: this reader may see no such file.
            HoldOfAnother: only others hold the file, and the reader is no auditor.
        """
        command = ReleaseHold(reader, reason, self.clock())
        return await self._handle(stream_of(request_id), context, command)

    async def perform(self, item: WorkItem) -> WorkOutcome:
        """Carry out one approved disposal."""
        stream = f"disposal-{item.id}"
        disposal = await self.execution.state(stream)
        if not isinstance(disposal, Disposal) or disposal.status not in ("approved", "begun"):
            return Done()
        keys = disposal.proposed.keys
        free_at = await self.people.retire(keys)
        crash_points.reached("records.disposing.retired")
        if (wait := (free_at - self.clock()).total_seconds()) > 0:
            return Later(wait, "the keys may be in use")
        files = await self._files_under(keys)
        if disposal.status == "approved":
            must_stay = self._blockers(files)
            begin = BeginDisposal(must_stay, self.clock())
            await self._execute(stream, f"work:{item.id}:begun", begin)
            crash_points.reached("records.disposing.begun")
            if must_stay:
                return Done()
        for request_id in files:
            await self._record_in_file(request_id, disposal)
        await self.people.destroy(keys)
        crash_points.reached("records.disposing.destroyed")
        await self._execute(stream, f"work:{item.id}:ended", EndDisposal(self.clock()))
        crash_points.reached("records.disposing.ended")
        log.info("disposal_carried_out", disposal_id=item.id, files=len(files))
        return Done()

    async def _record_in_file(self, request_id: str, disposal: Disposal) -> None:
        """Write into the file's chain what is about to be destroyed."""
        event = _event(request_id, disposal, rfc3339(self.clock()))
        leaf = await self.ledger.add(Entry(request_id, topics.RECORDS, event))
        crash_points.reached("records.disposing.leaf_added")
        keys = disposal.proposed.keys
        command = FileDisposal(leaf.event_id, leaf.index, leaf.hash, keys, self.clock())
        await self._execute(stream_of(request_id), leaf.event_id, command)
        crash_points.reached("records.disposing.filed")

    async def _files_under(self, keys: Collection[str]) -> dict[str, State]:
        """The current files that contain something sealed under one of the keys, by request."""
        request_ids = sorted(await self.ledger.requests_under(keys))
        states = (self.execution.state(stream_of(request_id)) for request_id in request_ids)
        return dict(zip(request_ids, await asyncio.gather(*states), strict=True))

    def _blockers(self, files: Mapping[str, State]) -> tuple[Blocker, ...]:
        return tuple(blockers(files, self.agencies, self.clock()))

    async def _handle(
        self, stream: str, context: CommandContext, command: object, *, begins: bool = False
    ) -> Executed:
        message = context.to_command(stream, command, begins_stream=begins)
        return await self.execution.execute(message)

    async def _execute(self, stream: str, causation: str, command: object) -> None:
        await self.execution.execute(Message(stream, causation, causation, command))


def _event(request_id: str, disposal: Disposal, at: str) -> dict[str, Any]:
    proposed = disposal.proposed
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(_EVENTS, f"{proposed.disposal_id}/{request_id}")),
        "source": SOURCE,
        "type": DISPOSED,
        "subject": request_id,
        "time": at,
        "data": {
            "disposal_id": proposed.disposal_id,
            "keys": list(proposed.keys),
            "proposed_by": proposed.proposed_by,
            "approved_by": disposal.approved_by,
        },
    }


def blockers(files: Mapping[str, State], agencies: Agencies, now: datetime) -> Iterator[Blocker]:
    """The files that must keep their data now, by request."""
    for request_id, file in files.items():
        if not isinstance(file, DesignatedFile) or file.filed_at is None:
            yield Blocker(request_id, "open")
        elif file.holds:
            yield Blocker(request_id, "held")
        else:
            agency = file.request.agency
            rules = agencies.get(agency).rules if agency in agencies else None
            until = retained_until(file.filed_at, rules.record_retention_years if rules else None)
            if until is None or until > now:
                yield Blocker(request_id, "kept", until)


def retained_until(filed_at: datetime, years: int | None) -> datetime | None:
    """When a file's retention ends. None: never, because the agency's retention is not known."""
    if years is None:
        return None
    day = 28 if (filed_at.month, filed_at.day) == (2, _LEAP_DAY) else filed_at.day
    return filed_at.replace(year=filed_at.year + years, day=day)
