"""Dead letters: what can never be accepted, whole, with the reason, the service and the origin."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.errors import RecordTooLarge
from bmt.chassis.messaging.kafka_client import KafkaPublisher, Outgoing
from bmt.chassis.messaging.parking import Record
from bmt.chassis.messaging.subscriptions import DeadLetter

log = structlog.get_logger(__name__)

PREFIX: Final = "bmt_"
"""The prefix of a dead letter's own headers, beside those of its event."""

REASON: Final = "bmt_reason"
DETAIL: Final = "bmt_detail"
ORIGIN_TOPIC: Final = "bmt_origin_topic"
ORIGIN_PARTITION: Final = "bmt_origin_partition"
ORIGIN_OFFSET: Final = "bmt_origin_offset"
REFUSED_BY: Final = "bmt_refused_by"
LEFT_AT_ORIGIN: Final = "bmt_left_at_origin"
"""The size of a value too large for a dead letter: key, headers and value are only at the origin. Or `unread`: the
record at the origin cannot be decoded, and the value is its bytes."""


DISCARDED: Final = "discarded"
"""The reason of an event that an operator discarded. Nobody needs an alert for this letter."""

OnDead = Callable[[Sequence[tuple[Record, DeadLetter]]], Awaitable[None]]
"""Returns when the senders of these records are sure to be answered. The records may be redelivered."""


async def no_answer(_: Sequence[tuple[Record, DeadLetter]]) -> None:
    """Nobody waits for an answer."""


class DeadLetters:
    """The topic of dead letters, as one service writes to it."""

    def __init__(self, publisher: KafkaPublisher, topic: str, service: str) -> None:
        self._publisher = publisher
        self._topic = topic
        self._service = service

    async def bury(self, refused: Sequence[tuple[Record, DeadLetter]]) -> None:
        """Return when all are durable. Raises `BrokerUnavailable` if not all are known to be; bury the same again."""
        if not refused:
            return
        crash_points.reached("dead_letters.burying")
        try:
            await self._publisher.publish([self._letter(*each) for each in refused])
        except RecordTooLarge:
            for record, dead in refused:
                await self._bury_alone(record, dead)
        crash_points.reached("dead_letters.buried")
        for record, dead in refused:
            _log(record, dead)

    async def _bury_alone(self, record: Record, dead: DeadLetter) -> None:
        """A record that is too large must not block the service for ever."""
        try:
            await self._publisher.publish([self._letter(record, dead)])
        except RecordTooLarge:
            crash_points.reached("dead_letters.too_large")
            size = str(len(record.value or b"")).encode()
            await self._publisher.publish([self._left(record, dead, size)])

    def _left(self, record: Record, dead: DeadLetter, what: bytes) -> Outgoing:
        return Outgoing(self._topic, None, [*self._why(record, dead), (LEFT_AT_ORIGIN, what)], b"")

    def _letter(self, record: Record, dead: DeadLetter) -> Outgoing:
        """The record as it came. Kafka needs a key or a value: without both, the value is empty."""
        nothing = record.raw_key is None and record.value is None
        value = b"" if nothing else record.value
        headers = [*record.headers, *self._why(record, dead)]
        if record.unread:
            headers.append((LEFT_AT_ORIGIN, b"unread"))
        return Outgoing(self._topic, record.raw_key, headers, value)

    def _why(self, record: Record, dead: DeadLetter) -> list[tuple[str, bytes]]:
        why = {
            REASON: dead.reason,
            DETAIL: dead.detail,
            ORIGIN_TOPIC: record.topic,
            ORIGIN_PARTITION: str(record.partition),
            ORIGIN_OFFSET: str(record.offset),
            REFUSED_BY: self._service,
        }
        return [(name, text.encode()) for name, text in why.items()]


def _log(record: Record, dead: DeadLetter) -> None:
    log.warning("dead_letter", reason=dead.reason, detail=dead.detail, place=record.place)
