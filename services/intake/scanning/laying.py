"""Lays the papers of scans into the inbox; work in the queue does it where a crash came between."""

from collections.abc import Sequence
from typing import Any, Final

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Heard, Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.work.queue import WorkChange, WorkItem
from bmt.chassis.work.worker import Done, WorkOutcome
from services.intake.domain.commands import PutPaperInInbox
from services.intake.domain.events import ScannedPaper, ScanReceived
from services.intake.domain.state import Scanned

LAY: Final = "inbox"
"""The target of the work that lays papers into the inbox."""


class Layer:
    """Lays the papers of a scan that was received into the inbox, each once."""

    def __init__(self, execution: Execution[Any, Any]) -> None:
        self._execution = execution

    async def lay(self, scan: ScanReceived) -> None:
        """Return when all are in the inbox.

        Raises:
            StoreUnavailable: some may be; the same again goes on from there.
        """
        messages = [_message(scan, paper) for paper in scan.papers]
        for outcome in await self._execution.execute_many(messages):
            if isinstance(outcome, Exception):
                raise outcome
        crash_points.reached("intake.laying.laid")

    async def perform(self, item: WorkItem) -> WorkOutcome:
        """What a crash left out, as `Worker` asks for it."""
        state = await self._execution.known_state(f"scan-{item.subject}")
        if isinstance(state, Scanned):
            await self.lay(state.scan)
        return Done()


def _message(scan: ScanReceived, paper: ScannedPaper) -> Message[PutPaperInInbox]:
    """The item's id is the paper's alone: whoever lays it first, the other finds it done."""
    item = paper.inbox_item_id
    return Message(f"request-{item}", f"scan:{item}", item, PutPaperInInbox(scan, paper))


def work_of(heard: Heard[Any]) -> Sequence[WorkChange]:
    """A scan that was received promises its inbox items."""
    if not isinstance(heard.data, ScanReceived):
        return ()
    return (WorkItem(f"{heard.subject}:{LAY}", LAY, heard.subject, heard.time),)
