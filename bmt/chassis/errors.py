"""What can go wrong below the domain: a part that is not reachable, a cause used twice."""


class WrongConfiguration(ValueError):  # noqa: N818  named for what is so
    """A setting or a configuration file says what is not allowed; the text says which and why."""


class Unavailable(Exception):  # noqa: N818  named for what is so, not for what Python calls it
    """A part that is needed cannot be reached now; asking again later is right.

    Attributes:
        part: the part's name as an operator knows it, for example `mongodb`.
        retry_after_seconds: when asking again makes sense, in whole seconds.
    """

    def __init__(self, part: str, retry_after_seconds: int = 1) -> None:
        """Names the part; the error that led here goes in as `raise ... from`."""
        super().__init__(f"{part} cannot be reached; try again in {retry_after_seconds} s")
        self.part = part
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(Unavailable):
    """The event store cannot be reached, or did not confirm a write in time."""

    def __init__(self, part: str = "mongodb", retry_after_seconds: int = 1) -> None:
        """The store's part is MongoDB unless said otherwise."""
        super().__init__(part, retry_after_seconds)


class BrokerUnavailable(Unavailable):
    """The broker cannot be reached, or did not confirm a write in time."""

    def __init__(self, part: str = "kafka", retry_after_seconds: int = 1) -> None:
        """The broker's part is Kafka unless said otherwise."""
        super().__init__(part, retry_after_seconds)


class RecordTooLarge(BrokerUnavailable):
    """The broker takes no record of this size: whoever can say less should, others can but wait."""


class CausationReused(Exception):  # noqa: N818  as above
    """The same cause (an event's id, an idempotency key) came with another command.

    Attributes:
        causation: the cause that was used before.
    """

    def __init__(self, causation: str) -> None:
        """Names the cause; it is a hash or an event's id, never personal data."""
        super().__init__(f"{causation} was used before, for another command")
        self.causation = causation


class StillContended(Unavailable):
    """Others kept deciding on the same stream at the same time; asking again is safe."""

    def __init__(self, stream: str) -> None:
        """Names the stream."""
        super().__init__(f"stream {stream}")
