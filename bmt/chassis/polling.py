"""Polling Kafka; what cannot be read is fetched once more before it is believed.

Bytes may be damaged on their way here, and then are right the second time.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition

from bmt.chassis.fetched import Polled, Unread

BATCH: Final = 500
WAIT_MS: Final = 500

PolledBatch: TypeAlias = Mapping[TopicPartition, Sequence[Polled]]


class Poll:
    """What a consumer's client is asked for."""

    def __init__(self) -> None:
        self._doubted: dict[TopicPartition, int] = {}

    async def next(self, client: AIOKafkaConsumer, wait_ms: int = WAIT_MS) -> PolledBatch:
        """What comes next; nothing when nothing came within `wait_ms`."""
        fetched = await client.getmany(timeout_ms=wait_ms, max_records=BATCH)
        polled = {
            place: self._believed(client, place, records) for place, records in fetched.items()
        }
        return {place: records for place, records in polled.items() if records}

    def _believed(
        self, client: AIOKafkaConsumer, place: TopicPartition, records: Sequence[Polled]
    ) -> Sequence[Polled]:
        """The records before the first that cannot be read, unless that was fetched before."""
        for number, record in enumerate(records):
            if isinstance(record, Unread) and self._doubted.get(place) != record.offset:
                self._doubted[place] = record.offset
                client.seek(place, record.offset)
                return records[:number]
        return records
