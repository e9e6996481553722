"""The record passes over one kind of event."""

from bmt.chassis.messaging.dispatch import Dispatcher

SERVICE = "records"
FOUND_BY = ("I8", "I9")


def plant() -> None:
    message = Dispatcher._message

    async def choosy(self, one):
        if one.incoming is not None and type(one.incoming.data).__name__ == "ReviewOpened":
            return None
        return await message(self, one)

    Dispatcher._message = choosy
