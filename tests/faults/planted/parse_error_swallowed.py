"""A record that cannot be parsed is passed over in silence."""

from bmt.chassis.messaging.dispatch import Dispatcher

SERVICE = "intake"
FOUND_BY = ("I8",)


def plant() -> None:
    read = Dispatcher._read

    def silent(self, record):
        one = read(self, record)
        one.dead = None
        return one

    Dispatcher._read = silent
