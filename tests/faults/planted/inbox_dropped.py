"""What an event leads to is not kept under the event's id, and every batch comes twice: all is applied twice."""

import uuid
from dataclasses import replace

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.messaging.dispatch import Dispatcher

SERVICE = "approval"
FOUND_BY = ("I3", "I8")


def plant() -> None:
    to_command, handle = IncomingEvent.to_command, Dispatcher.handle

    def forgotten(self, stream, command):
        return replace(to_command(self, stream, command), causation=str(uuid.uuid4()))

    async def twice(self, records):
        await handle(self, records)
        await handle(self, records)

    IncomingEvent.to_command, Dispatcher.handle = forgotten, twice
