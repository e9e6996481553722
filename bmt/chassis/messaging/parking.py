"""The parking lot: events whose handler failed wait here, durably, each request's in order.

A failed event is tried again with backoff and full jitter; after its tries it stays for an operator.
Later events of the same key queue behind it, while all others flow.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from bmt.chassis.messaging.subscriptions import DeadLetter
from bmt.contracts.immutable import immutable

TRIES: Final = 6
FIRST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=60)
QUEUED_BEHIND: Final = "an earlier event of the same key is parked"
"""The reason of an event that was never tried, since it must not overtake."""


@immutable
class Record:
    """A Kafka record as it came.

    `key` is text for queueing; a record without a key queues by its own place. `unread` says why it cannot be
    decoded: its value then is the bytes of the record, or of its batch.
    """

    topic: str
    partition: int
    offset: int
    key: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    raw_key: bytes | None = None
    unread: DeadLetter | None = None

    @property
    def place(self) -> str:
        """`topic:partition:offset`, unique in the cluster."""
        return f"{self.topic}:{self.partition}:{self.offset:020d}"


@immutable
class Discarding:
    """An operator's decision that an event need not be handled.

    Attributes:
        by: who decided.
        reason: why.
        at: when, UTC.
    """

    by: str
    reason: str
    at: datetime


@immutable
class Parked:
    """A record in the lot.

    Attributes:
        record: as it came.
        reason: the error's name and what it said, without personal data.
        tries: how often its handler failed.
        due_at: when it is tried again; None: it waits for an operator, or for an earlier one of its
            key (`reason` tells), which makes it due by leaving.
        parked_at: when it came here, UTC.
        discarding: an operator gave it up: whoever takes it moves it away, and does not handle it.
    """

    record: Record
    reason: str
    tries: int
    due_at: datetime | None
    parked_at: datetime
    discarding: Discarding | None = None

    @property
    def id(self) -> str:
        """The record's place."""
        return self.record.place


def after_failure(parked: Parked, reason: str, now: datetime) -> Parked:
    """The same, one failure on: due again after a random part of a growing wait, or left alone."""
    tries = parked.tries + 1
    if tries >= TRIES:
        return replace(parked, reason=reason, tries=tries, due_at=None)
    ceiling = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**tries)
    wait = timedelta(seconds=random.uniform(0, ceiling))  # noqa: S311  full jitter
    return replace(parked, reason=reason, tries=tries, due_at=now + wait)


class ParkingLot(Protocol):
    """Where failed events wait. Every method raises `StoreUnavailable` when it cannot be reached."""

    async def waiting_keys(self, keys: Collection[str]) -> Collection[str]:
        """Those of `keys` that have an event here: later ones must queue behind."""
        ...

    async def given_up(self, records: Sequence[Record]) -> Collection[str]:
        """The places of those that an operator gave up: a crash makes their topic be read again."""
        ...

    async def park(self, parked: Sequence[Parked]) -> None:
        """Take these in; one that is here already stays as it is."""
        ...

    async def take_due(self, now: datetime) -> Parked | None:
        """One event that is due, leased to the caller: the first of its key, or one that was given up."""
        ...

    async def keep(self, parked: Parked) -> None:
        """Put back what was taken, with what came of the try; what was given up meanwhile stays so."""
        ...

    async def release(self, id_: str) -> bool:
        """Remove an event: it was handled. False: it was not here."""
        ...

    async def discard(self, id_: str, discarding: Discarding) -> bool:
        """Give an event up: it is due now, to be moved away by `give_up` and never handled.

        False: it was not here, was given up before, or is being tried this moment.
        """
        ...

    async def give_up(self, id_: str) -> bool:
        """Move what was discarded, whole, to those that were given up, with who did it and why.

        False: it was not here, or nobody discarded it.
        """
        ...

    async def retry(self, id_: str, now: datetime) -> bool:
        """Make an event due now, with all its tries. False: it was not here, or was given up."""
        ...

    async def retry_all(self, now: datetime) -> int:
        """As `retry`, for each event that waits for an operator; how many."""
        ...

    async def find(self, id_: str) -> Parked | None:
        """This event, where it is here."""
        ...

    async def list(self, limit: int) -> Sequence[Parked]:
        """What waits, the oldest first."""
        ...

    async def size(self) -> int:
        """How many are here, whatever they wait for."""
        ...

    async def count(self) -> int:
        """How many wait for an operator."""
        ...
