"""What can go wrong below the domain."""


class WrongConfiguration(ValueError):  # noqa: N818  named for what is so
    """A setting or a configuration file has a value that is not allowed. The text names it and the reason."""


class Unavailable(Exception):  # noqa: N818  named for what is so, not for what Python calls it
    """A part (as operators name it, for example `mongodb`) cannot be reached now. Asking again later is right."""

    def __init__(self, part: str, retry_after_seconds: int = 1) -> None:
        super().__init__(f"{part} cannot be reached; try again in {retry_after_seconds} s")
        self.part = part
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(Unavailable):
    """The event store cannot be reached, or did not confirm a write in time."""

    def __init__(self, part: str = "mongodb", retry_after_seconds: int = 1) -> None:
        super().__init__(part, retry_after_seconds)


class BrokerUnavailable(Unavailable):
    """The broker cannot be reached, or did not confirm a write in time."""

    def __init__(self, part: str = "kafka", retry_after_seconds: int = 1) -> None:
        super().__init__(part, retry_after_seconds)


class RecordTooLarge(BrokerUnavailable):
    """The broker never accepts a record of this size. The caller shortens it where it can, and waits otherwise."""


class CausationReused(Exception):  # noqa: N818  as above
    """The same cause (an event's id, an idempotency key) came with another command.

    `causation` is a hash or an event's id, never personal data.
    """

    def __init__(self, causation: str) -> None:
        super().__init__(f"{causation} was used before, for another command")
        self.causation = causation


class StillContended(Unavailable):
    """Other writers kept changing the same stream. Asking again is safe."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream}")
