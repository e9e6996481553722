"""Everything that stands on the topics of one stage, in the order in which it was read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from bmt.chassis.messaging.kafka_client import Unread
from bmt.chassis.messaging.parking import Record


@dataclass(frozen=True)
class Taped:
    """One record. `place` is its topic (without prefix), partition and offset."""

    topic: str
    place: tuple[str, int, int]
    key: str
    headers: dict[str, str]
    value: bytes
    raw_headers: tuple[tuple[str, bytes], ...] = ()

    def record(self, prefix: str) -> Record:
        """As a service is given it."""
        topic, partition, offset = self.place
        return Record(prefix + topic, partition, offset, self.key, self.raw_headers, self.value)

    @property
    def id(self) -> str:
        return self.headers.get("ce_id", "")

    @property
    def name(self) -> str:
        """`Approved` of `my.gov.bmt.Approved.v1`."""
        return self.headers.get("ce_type", "..").split(".")[-2]

    @property
    def origin(self) -> tuple[str, int, int]:
        """Of a dead letter: the place of the record that was refused."""
        names = ("bmt_origin_topic", "bmt_origin_partition", "bmt_origin_offset")
        topic, partition, offset = (self.headers[name] for name in names)
        return topic, int(partition), int(offset)


class Tape:
    """Reads all that is there when asked."""

    def __init__(self, options: dict[str, Any], prefix: str, topics: Sequence[str]) -> None:
        self._prefix = prefix
        self._places = [TopicPartition(prefix + t, p) for t in topics for p in range(3)]
        self._consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **options)
        self._records: dict[str, list[Taped]] = defaultdict(list)
        self.ends: dict[tuple[str, int], int] = {}

    async def start(self) -> None:
        await self._consumer.start()
        self._consumer.assign(self._places)
        await self._consumer.seek_to_beginning(*self._places)

    async def stop(self) -> None:
        await self._consumer.stop()

    async def read(self) -> None:
        """Up to where the topics end now."""
        ends = await self._consumer.end_offsets(self._places)
        self.ends = {(p.topic.removeprefix(self._prefix), p.partition): e for p, e in ends.items()}
        for place, end in ends.items():
            while await self._consumer.position(place) < end:
                await self._more(place)

    async def _more(self, place: TopicPartition) -> None:
        fetched = await self._consumer.getmany(place, timeout_ms=100)
        for raw in fetched.get(place, ()):
            self._records[place.topic.removeprefix(self._prefix)].append(self._taped(raw))

    def _taped(self, raw: Any) -> Taped:
        topic = raw.topic.removeprefix(self._prefix)
        if isinstance(raw, Unread):
            return Taped(topic, (topic, raw.partition, raw.offset), "", {}, raw.raw or b"")
        headers = {
            name: value.decode(errors="replace").removeprefix(self._prefix)
            for name, value in raw.headers
        }
        key = raw.key.decode(errors="replace") if raw.key else ""
        place = (topic, raw.partition, raw.offset)
        return Taped(topic, place, key, headers, raw.value or b"", tuple(raw.headers))

    async def of(self, topic: str) -> list[Taped]:
        """All records of a topic, up to now."""
        await self.read()
        return list(self._records[topic])

    def known(self, topic: str) -> list[Taped]:
        """As `of`, up to the last reading."""
        return list(self._records[topic])
