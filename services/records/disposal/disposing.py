"""Carries out what was approved: the ledger is told first, the keys are destroyed last.

Each step can be repeated: whoever takes the work over after a death begins it anew.
"""

import uuid
from typing import Any, Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work.queue import WorkItem
from bmt.chassis.work.worker import Done, Later, Perform, WorkOutcome
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from bmt.verify_record import DISPOSED
from services.records.disposal.office import Office
from services.records.domain.commands import Command, FileDisposal
from services.records.domain.decide import SOURCE
from services.records.domain.disposals import BeginDisposal, Disposal, EndDisposal
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.sealing.keys import PersonKeys

log = structlog.get_logger(__name__)

_EVENTS: Final = uuid.UUID("5b0f1f0e-6f1c-5d0b-9c55-6a1d2f7c4e11")
"""Names the events of disposals, so that one told twice is one event."""


def disposing(
    execution: Execution[Any, Any], office: Office, ledger: Leaves, people: PersonKeys, clock: Clock
) -> Perform:
    """The work of disposing of one person's data."""

    async def perform(item: WorkItem) -> WorkOutcome:
        disposal = await execution.state(f"disposal-{item.id}")
        if not isinstance(disposal, Disposal) or disposal.status not in ("approved", "begun"):
            return Done()
        keys = disposal.proposed.keys
        free_at = await people.retire(keys)
        crash_points.reached("records.disposing.retired")
        if (wait := (free_at - clock()).total_seconds()) > 0:
            return Later(wait, "the keys may be in use")
        files = await office.files_under(keys)
        if disposal.status == "approved":
            must_stay = office.blockers(files)
            await note(item, "begun", BeginDisposal(must_stay, clock()))
            crash_points.reached("records.disposing.begun")
            if must_stay:
                return Done()
        for request_id in files:
            await tell(request_id, disposal)
        await people.destroy(keys)
        crash_points.reached("records.disposing.destroyed")
        await note(item, "ended", EndDisposal(clock()))
        crash_points.reached("records.disposing.ended")
        log.info("disposal_carried_out", disposal_id=item.id, files=len(files))
        return Done()

    async def tell(request_id: str, disposal: Disposal) -> None:
        """The file's chain says what is gone, before it is."""
        event = _event(request_id, disposal, rfc3339(clock()))
        leaf = await ledger.add(Entry(request_id, topics.RECORDS, event))
        crash_points.reached("records.disposing.leaf_added")
        command = FileDisposal(
            leaf.event_id, leaf.index, leaf.hash, disposal.proposed.keys, clock()
        )
        await execution.execute(_message(f"request-{request_id}", leaf.event_id, command))
        crash_points.reached("records.disposing.file_told")

    async def note(item: WorkItem, step: str, command: Command) -> None:
        await execution.execute(_message(f"disposal-{item.id}", f"work:{item.id}:{step}", command))

    return perform


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


def _message(stream: str, causation: str, command: Command) -> Message[Command]:
    return Message(stream, causation, causation, command)
