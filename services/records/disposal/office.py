"""Who holds files, and who proposes and decides on disposals: each call becomes a command."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime import clock as ids
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.disposal import DisposalProposal, DisposalRuling
from services.records.domain.commands import Command, PlaceHold, Reader, ReleaseHold
from services.records.domain.disposals import Blocker, ProposeDisposal, RuleOnDisposal
from services.records.domain.state import DesignatedFile, State
from services.records.ledger.leaves import Leaves
from services.records.sealing.keys import Person, PersonKeys

# How long a file keeps a person's data, and which files must keep it now.

_LEAP_DAY: Final = 29


def blockers(files: Mapping[str, State], agencies: Agencies, now: datetime) -> Iterator[Blocker]:
    """Those of the files that must keep their data, by request."""
    for request_id, file in files.items():
        if isinstance(file, DesignatedFile) and file.filed_at is not None:
            until = kept_until(file.filed_at, years_of(file.request.agency, agencies))
            if file.holds:
                yield Blocker(request_id, "held")
            elif until is None or until > now:
                yield Blocker(request_id, "kept", until)
        else:
            yield Blocker(request_id, "open")


def years_of(agency: str, agencies: Agencies) -> int | None:
    """An agency's retention, in years; None where nothing is known of the agency: for ever."""
    return agencies.get(agency).rules.record_retention_years if agency in agencies else None


def kept_until(filed_at: datetime, years: int | None) -> datetime | None:
    """When the time of a file is over; None: never."""
    if years is None:
        return None
    day = 28 if (filed_at.month, filed_at.day) == (2, _LEAP_DAY) else filed_at.day
    return filed_at.replace(year=filed_at.year + years, day=day)


class Office:
    """Where disposals are asked for and decided on."""

    def __init__(
        self,
        execution: Execution[Any, Any],
        ledger: Leaves,
        people: PersonKeys,
        agencies: Agencies,
        clock: Clock,
    ) -> None:
        self._execution = execution
        self._ledger = ledger
        self._people = people
        self._agencies = agencies
        self._clock = clock

    async def propose(self, asked: DisposalProposal, context: CommandContext) -> Executed:
        """An administrator proposes to dispose of what the record holds of a person.

        Raises:
            DisposalNotFound: it holds nothing of such a person.
            NotDisposable: files must keep it.
        """
        agency, disposal_id = context.principal.agency, ids.new_id()
        keys = await self._people.all_of(Person(agency, asked.account))
        files = await self.files_under(keys)
        command = ProposeDisposal(
            disposal_id=disposal_id,
            agency=agency,
            account=asked.account,
            reason=asked.reason,
            keys=tuple(sorted(keys)),
            request_ids=tuple(files),
            blockers=self.blockers(files),
            proposed_by=context.principal.subject,
            at=self._clock(),
        )
        message = _message(f"disposal-{disposal_id}", context, command, begins=True)
        return await self._execution.execute(message)

    async def rule(
        self, disposal_id: str, ruling: DisposalRuling, context: CommandContext
    ) -> Executed:
        """Another administrator approves, or anybody of the agency rejects.

        Raises:
            Refused: as the decider says.
        """
        command = RuleOnDisposal(
            approved=ruling.decision == "approved",
            reason=ruling.reason,
            agency=context.principal.agency,
            decided_by=context.principal.subject,
            at=self._clock(),
        )
        message = _message(f"disposal-{disposal_id}", context, command)
        return await self._execution.execute(message)

    async def hold(
        self, request_id: str, reader: Reader, reason: str, context: CommandContext
    ) -> Executed:
        """A file is kept whatever its age.

        Raises:
            RecordNotFound: there is none that this reader may see.
        """
        command = PlaceHold(reader, reason, self._clock())
        return await self._execution.execute(_message(f"request-{request_id}", context, command))

    async def release(
        self, request_id: str, reader: Reader, reason: str, context: CommandContext
    ) -> Executed:
        """A file need not be kept any more, as far as it is the reader who says so.

        Raises:
            RecordNotFound: as `hold`.
            HoldOfAnother: that is for who set it, or an auditor, to say.
        """
        command = ReleaseHold(reader, reason, self._clock())
        return await self._execution.execute(_message(f"request-{request_id}", context, command))

    async def files_under(self, keys: Collection[str]) -> dict[str, State]:
        """The files in which something is sealed under one of the keys, by request, as they stand."""
        request_ids = sorted(await self._ledger.requests_under(keys))
        looks = (self._execution.state(f"request-{request_id}") for request_id in request_ids)
        return dict(zip(request_ids, await asyncio.gather(*looks), strict=True))

    def blockers(self, files: Mapping[str, State]) -> tuple[Blocker, ...]:
        """Those of the files that must keep what they hold now."""
        return tuple(blockers(files, self._agencies, self._clock()))


def _message(
    stream: str, context: CommandContext, command: Command, *, begins: bool = False
) -> Message[Command]:
    return Message(
        stream, context.causation, context.fingerprint, command, context.traceparent, begins
    )
