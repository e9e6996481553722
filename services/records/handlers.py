"""What records does with an event heard: it stands in the ledger first, then in the file."""

from typing import Protocol

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.chassis.decider import Heard, Message
from bmt.chassis.errors import CausationReused
from bmt.chassis.subscriptions import DeadLetter
from bmt.contracts.events import RequestEvent
from services.records.domain.commands import Command, FileEvent
from services.records.ledger.canonical import NotCanonical
from services.records.ledger.leaf import Entry, Leaf, entry_of


class Ledger(Protocol):
    """Where events become leaves."""

    async def add(self, entry: Entry) -> Leaf:
        """The event's leaf, durable; the same one when the event comes again."""
        ...


class Register(Protocol):
    """Where requests get their file numbers."""

    async def of(self, request_id: str, agency: str) -> str:
        """The request's number, given once."""
        ...


async def file_event(
    heard: Heard[RequestEvent], ledger: Ledger, register: Register, clock: Clock
) -> Message[Command]:
    """File the event.

    Raises:
        DeadLetter: it can never be filed: it has no canonical form, says two things about whom it
            concerns, or bears another event's id.
    """
    request = heard.data.request
    if heard.subject != request.request_id:
        raise DeadLetter("malformed", "ce_subject is not the request_id of the data")
    leaf = await _leaf(heard, ledger)
    crash_points.reached("records.handlers.leaf_added")
    file_number = await register.of(request.request_id, request.agency)
    crash_points.reached("records.handlers.numbered")
    return heard.leads_to(
        f"request-{request.request_id}",
        FileEvent(
            event=heard.data,
            event_id=heard.id,
            source=heard.envelope.source,
            sequence=heard.position,
            occurred_at=heard.time,
            leaf_index=leaf.index,
            leaf_hash=leaf.hash,
            file_number=file_number,
            at=clock(),
            key=leaf.sealed.key if leaf.sealed else None,
        ),
    )


async def _leaf(heard: Heard[RequestEvent], ledger: Ledger) -> Leaf:
    try:
        return await ledger.add(entry_of(heard))
    except NotCanonical as error:
        raise DeadLetter("malformed", str(error)) from None
    except CausationReused:
        raise DeadLetter(
            "idempotency_key_reused", "another event was filed under this id"
        ) from None
