"""Files the events of a wave: first in the ledger, then in their files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.errors import CausationReused
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.messaging.dispatch import Complete
from bmt.chassis.messaging.parking import DeadLetter
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import RequestEvent
from bmt.contracts.problems import Refused
from bmt.contracts.values import immutable
from services.records.charter.cases import milestone_of
from services.records.domain.designated_file import (
    Command,
    FileEvent,
    FileFolio,
    Milestone,
    stream_of,
)
from services.records.domain.designated_file_rules import named_by
from services.records.ledger.canonical import NotCanonical
from services.records.ledger.leaf import Entry, Leaf, entry_of
from services.records.ledger.leaves import FileNumbers, Leaves
from services.records.sealing.sealed_folios import FolioName
from services.records.worker import Filing

ANOTHER_EVENT: Final = "another event was filed under this id"


@immutable
class EnterEvent:
    """File an event that is not in the ledger yet."""

    incoming: IncomingEvent[RequestEvent]
    entry: Entry


async def file_event(incoming: IncomingEvent[RequestEvent]) -> Message[EnterEvent]:
    """File the event.

    Raises:
        DeadLetter: the event can never be filed: it has no canonical form, or its subject is not
            its request.
    """
    request = incoming.data.request
    if incoming.subject != request.request_id:
        raise DeadLetter("malformed", "ce_subject is not the request_id of the data")
    try:
        entry = entry_of(incoming)
    except NotCanonical as error:
        raise DeadLetter("malformed", str(error)) from None
    return incoming.to_command(stream_of(request.request_id), EnterEvent(incoming, entry))


def entering(
    ledger: Leaves, register: FileNumbers, filing: Filing, agencies: Agencies, clock: Clock
) -> Complete:
    """Adds a wave's events to the ledger, assigns file numbers to their requests, and copies the small documents that they name.

    Notes when the next step of each request is due, by today's rules of `agencies`.
    """

    async def complete(
        messages: Sequence[Message[EnterEvent]],
    ) -> Sequence[Message[Command] | Exception]:
        leaves = await ledger.add_all([one.command.entry for one in messages])
        crash_points.reached("records.handlers.leaf_added")
        requests = [one.command.incoming.data.request for one in messages]
        # Only requests with a leaf get a number, so the register has no gap and no empty file.
        numbers = await register.of(
            {
                request.request_id: request.agency
                for request, leaf in zip(requests, leaves, strict=True)
                if isinstance(leaf, Leaf)
            }
        )
        crash_points.reached("records.handlers.numbered")
        now = clock()
        named = [
            [*named_by(message.command.incoming.data, leaf.event_id, _key_of(leaf))]
            if isinstance(leaf, Leaf)
            else []
            for message, leaf in zip(messages, leaves, strict=True)
        ]
        copied = await filing.copied([due for dues in named for due in dues], now)
        crash_points.reached("records.handlers.copied")
        filed: list[Message[Any] | Exception] = []
        for message, request, leaf, dues in zip(messages, requests, leaves, named, strict=True):
            match leaf:
                case Leaf():
                    number = numbers[request.request_id]
                    incoming = message.command.incoming
                    milestone = milestone_of(incoming.data, incoming.time, agencies)
                    folios = [
                        copied.get(FolioName(due.document_id, due.key))
                        for due in dues
                        if not due.handed_in_by
                    ]
                    command = _command(incoming, leaf, number, now, milestone, folios)
                    filed.append(message.with_command(command))
                case NotCanonical():
                    filed.append(Refused(str(leaf), problem="malformed"))
                case CausationReused():
                    filed.append(Refused(ANOTHER_EVENT, problem="idempotency_key_reused"))
        return filed

    return complete


def _command(
    incoming: IncomingEvent[RequestEvent],
    leaf: Leaf,
    file_number: str,
    now: datetime,
    milestone: Milestone | None,
    folios: Sequence[FileFolio | None],
) -> FileEvent:
    return FileEvent(
        event=incoming.data,
        event_id=incoming.id,
        source=incoming.envelope.source,
        sequence=incoming.position,
        occurred_at=incoming.time,
        leaf_index=leaf.index,
        leaf_hash=leaf.hash,
        file_number=file_number,
        at=now,
        key=_key_of(leaf),
        milestone=milestone,
        copied=tuple(one for one in folios if one),
    )


def _key_of(leaf: Leaf) -> str | None:
    return leaf.sealed.key if leaf.sealed else None
