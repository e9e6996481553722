"""Polling Kafka past what the driver cannot read.

aiokafka decodes the names of a record's headers as UTF-8, which other producers need not write, and
fails at all that was fetched with such a record. Then each partition is polled for one record at a
time, so that it is known which one fails; that one is refused and stepped over. (With it go the later
ones of its batch, which is read from its beginning.)
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from bmt.chassis import crash_points

BATCH: Final = 500
WAIT_MS: Final = 500
ONE_BY_ONE_SECONDS: Final = 20.0
"""So long after a failure records are polled one by one; a whole batch takes a few seconds so."""
_PAUSE_SECONDS: Final = 0.05

Polled: TypeAlias = "Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]"
Refuse = Callable[[TopicPartition, int], Awaitable[None]]
"""Returns when it is durable that the record at this place cannot be read."""


class Unreadable(Exception):  # noqa: N818  named for what is so
    """One of the records fetched cannot be read: what was fetched with it is to be fetched again."""


class Poll:
    """What a consumer's client is asked for."""

    def __init__(self, refuse: Refuse) -> None:
        """`refuse` is told of each record that is stepped over."""
        self._refuse = refuse
        self._one_by_one_until = 0.0

    async def next(self, client: AIOKafkaConsumer) -> Polled:
        """What comes next; nothing when nothing came within half a second.

        Raises:
            Unreadable: start anew from the offsets committed, with a new client.
        """
        if time.monotonic() < self._one_by_one_until:
            return await self._one_of_each(client)
        try:
            polled: Polled = await client.getmany(timeout_ms=WAIT_MS, max_records=BATCH)
        except UnicodeDecodeError as error:
            self._one_by_one_until = time.monotonic() + ONE_BY_ONE_SECONDS
            raise Unreadable from error
        return polled

    async def _one_of_each(self, client: AIOKafkaConsumer) -> Polled:
        polled: dict[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]] = {}
        for place in client.assignment():
            try:
                polled |= await client.getmany(place, max_records=1)
            except UnicodeDecodeError:
                await self._step_over(client, place)
        if not polled:
            await asyncio.sleep(_PAUSE_SECONDS)
        return polled

    async def _step_over(self, client: AIOKafkaConsumer, place: TopicPartition) -> None:
        offset = await client.position(place)
        await self._refuse(place, offset)
        crash_points.reached("polling.refused")
        client.seek(place, offset + 1)
        await client.commit({place: offset + 1})
        crash_points.reached("polling.stepped_over")
