"""What an event leads to is not kept under the event's id, and every batch comes twice: all is applied twice."""

import uuid
from dataclasses import replace

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.messaging.dispatch import Dispatcher

SERVICE = "approval"
FOUND_BY = ("I3", "I8")


def plant() -> None:
    leads_to, handle = IncomingEvent.leads_to, Dispatcher.handle

    def forgotten(self, stream, command):
        return replace(leads_to(self, stream, command), causation=str(uuid.uuid4()))

    async def twice(self, records):
        await handle(self, records)
        await handle(self, records)

    IncomingEvent.leads_to, Dispatcher.handle = forgotten, twice
