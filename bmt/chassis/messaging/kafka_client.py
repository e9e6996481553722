"""What the Kafka library lacks: records that cannot be decoded are values, clients stop within bounds, no fetching stops unnoticed.

aiokafka raises at the first batch that it cannot decode, and at everything fetched with it, again and
again. Here a batch that cannot be decoded is one `Unread` with the batch's bytes, and the batches before
and after it are read. Header names, which other producers need not write as UTF-8, are decoded with their
odd bytes escaped. If the records of a batch can be told apart, only the bad one is `Unread`.

A broker limits a batch's compressed size only. 200 kB of zeros may be 200 MB, which a client library would
put into memory before anybody could look at its size. So aiokafka's own functions are replaced here. Each
fills memory that was allocated before, and fails if that is too small.

uvloop's transports raise `RuntimeError` for a closed connection, which aiokafka takes for a defect of its
own (its issue 1038): the fetch task dies, and every later poll returns nothing. So aiokafka gets the error
it expects here, and a consumer whose fetch task died all the same is replaced.
"""

import asyncio
import struct
import zlib
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias, TypeVar

import cramjam
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition, codec
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.consumer import fetcher
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    UnsupportedCodecError,
)
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_records
from aiokafka.record._crecords import legacy_records as fast_legacy_records
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, RecordTooLarge
from bmt.contracts.values import immutable

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one batch: thirty times the broker's limit, and more than producers put into one."""

_GZIP: Final = 31
"""zlib's `wbits` of the gzip format."""
_XERIAL: Final = b"\x82SNAPPY\x00"
"""The Java producer's magic bytes before its blocks of snappy; two version numbers follow."""
_XERIAL_HEADER_BYTES: Final = 16


class TooLargeDecompressed(Exception):  # noqa: N818  named for what is so
    """A batch holds more than `MOST_BYTES`."""


def gzip_decode(payload: Any) -> bytes:
    """The members of a gzip file. Raises `TooLargeDecompressed` or, if it is invalid, `zlib.error`."""
    found, rest = bytearray(), bytes(payload)
    while rest:
        member = zlib.decompressobj(_GZIP)
        found += member.decompress(rest, MOST_BYTES - len(found) + 1)
        if len(found) > MOST_BYTES:
            raise TooLargeDecompressed
        if not member.eof:
            raise zlib.error("the gzip file is cut off")
        rest = member.unused_data
    return bytes(found)


def snappy_decode(payload: Any) -> bytes:
    """A block of snappy, or the Java producer's sequence of blocks. Raises as `zstd_decode`."""
    payload = bytes(payload)
    if not payload.startswith(_XERIAL):
        return bytes(_snappy_block(payload, MOST_BYTES))
    found, at = bytearray(), _XERIAL_HEADER_BYTES
    while at < len(payload):
        (size,) = struct.unpack_from(">I", payload, at)
        at += 4
        found += _snappy_block(payload[at : at + size], MOST_BYTES - len(found))
        at += size
    return bytes(found)


def _snappy_block(block: bytes, most: int) -> bytearray:
    size = cramjam.snappy.decompress_raw_len(block)
    if size > most:
        raise TooLargeDecompressed
    found = bytearray(size)
    cramjam.snappy.decompress_raw_into(block, found)
    return found


def lz4_decode(payload: Any) -> bytes:
    """Frames of lz4; raises as `zstd_decode`."""
    return _decompressed(cramjam.lz4.decompress_into, payload)


def zstd_decode(payload: Any) -> bytes:
    """Frames of zstd. Raises `TooLargeDecompressed` or, if they are invalid, `cramjam.DecompressionError`."""
    return _decompressed(cramjam.zstd.decompress_into, payload)


def _decompressed(decompress_into: Callable[[bytes, bytearray], int], payload: Any) -> bytes:
    """A page of `room` costs memory only once something is written there."""
    room = bytearray(MOST_BYTES + 1)
    try:
        size = decompress_into(bytes(payload), room)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise TooLargeDecompressed from error
        raise
    if size > MOST_BYTES:
        raise TooLargeDecompressed
    with memoryview(room) as whole:
        return bytes(whole[:size])


_BOUNDED: Final[Mapping[str, Callable[[Any], bytes]]] = {
    each.__name__: each for each in (gzip_decode, snappy_decode, lz4_decode, zstd_decode)
}
_USERS: Final[tuple[ModuleType, ...]] = (
    codec,
    default_records,
    legacy_records,
    fast_records,
    fast_legacy_records,
)

for _user in _USERS:
    for _name, _decode in _BOUNDED.items():
        if hasattr(_user, _name):
            setattr(_user, _name, _decode)


_LENGTH: Final = struct.Struct(">8xi")
"""The length field, at the same place in each format."""
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last time,
producer's id and epoch, base sequence, records (format 2)."""
_MAGIC_AT: Final = 16
_SMALLEST: Final = 14
"""The bytes of the smallest message after its length (format 0)."""
_CODEC: Final = 7
_DECODERS: Final = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
MOST_AT_ONCE_BYTES: Final = MOST_BYTES
"""The decoded bytes of one fetch and partition, plus a last batch. The rest is fetched again."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A batch, or a record of one, that cannot be decoded.

    Attributes:
        offset: its first that was not handled before.
        next_offset: where to go on.
        reason: as dead letters name it.
        detail: what is wrong, without any of the content.
        raw: the bytes as they came; None if their number is unknown.
    """

    topic: str
    partition: int
    offset: int
    next_offset: int
    reason: str
    detail: str
    raw: bytes | None


Polled: TypeAlias = "ConsumerRecord[bytes, bytes] | Unread"
PolledBatch: TypeAlias = Mapping[TopicPartition, Sequence[Polled]]


def after(record: Polled) -> int:
    """The offset that comes next."""
    return record.next_offset if isinstance(record, Unread) else int(record.offset) + 1


class _WrongChecksum(CorruptRecordException):  # type: ignore[misc]  # aiokafka has no types
    """The batch's header may be as wrong as its records."""


class Batches:
    """The batches of one partition in a fetch response, instead of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        """A broker may cut off the last batch. It is left out, and fetched again."""
        self._batches = _apart(memoryview(data))

    def has_next(self) -> bool:
        return bool(self._batches)

    def size_in_bytes(self) -> int:
        """Zero: nothing is too large to be fetched. A broker sends at least one whole batch."""
        return 0

    def next_batch(self) -> memoryview:
        return self._batches.pop(0)


def _apart(data: memoryview) -> list[memoryview]:
    found: list[memoryview] = []
    at = 0
    while len(data) - at >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(data, at)
        end = at + _LENGTH.size + length
        if length < _SMALLEST or end > len(data):
            break
        found.append(data[at:end])
        at = end
    return found or ([data] if data else [])


class Fetched(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """The records of one partition in a fetch response."""

    _tp: TopicPartition
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Polled]:
        decoded = 0
        while self._records.has_next() and decoded < MOST_AT_ONCE_BYTES:
            for record in self._decoded(self._records.next_batch()):
                if record.offset >= self.next_fetch_offset:
                    self.next_fetch_offset = after(record)
                    decoded += _size(record)
                    yield record

    def _decoded(self, raw: memoryview) -> Iterator[Polled]:
        """The records of a batch to be handled, lazily: a megabyte may hold a million records."""
        try:
            batch = self._checked(raw)
            if not self._is_left_out(batch):
                yield from self._records_of(batch, raw)
            self.next_fetch_offset = max(self.next_fetch_offset, batch.next_offset)
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others are read
            yield self._unread(raw, error)

    def _checked(self, raw: memoryview) -> Any:
        magic = raw[_MAGIC_AT]
        if magic > 2:  # noqa: PLR2004  the newest format
            raise CorruptRecordException("no format has this number")
        batch = (
            DefaultRecordBatch(bytes(raw)) if magic > 1 else LegacyRecordBatch(bytes(raw), magic)
        )
        if not batch.validate_crc():
            raise _WrongChecksum
        return batch

    def _is_left_out(self, batch: Any) -> bool:
        if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)

    def _records_of(self, batch: Any, raw: memoryview) -> Iterator[Polled]:
        """If one record fails, read all again one by one. Those already yielded are skipped by offset."""
        try:
            for record in batch:
                yield self._consumer_record(self._tp, record)
        except Exception:
            if raw[_MAGIC_AT] < 2:  # noqa: PLR2004  the only format with headers
                raise
            yield from self._one_by_one(raw)

    def _one_by_one(self, raw: memoryview) -> Iterator[Polled]:
        """The records of a batch of which at least one cannot be decoded. Each has its length."""
        base, _, _, _, _, attributes, last_delta, first_time, *_ = _HEAD.unpack_from(raw)
        codec = attributes & _CODEC
        if codec and codec not in _DECODERS:
            raise UnsupportedCodecError("no codec has this number")
        written = bytes(raw[_HEAD.size :])
        payload = bytearray(_DECODERS[codec](written) if codec else written)
        at, expected, beyond = 0, base, base + last_delta + 1
        while at < len(payload) and expected < beyond:
            length, start = decode_varint(payload, at)
            if not start < start + length <= len(payload):
                raise CorruptRecordException("the length of a record is wrong")
            at = start + length
            record = self._alone(payload[start:at], base, expected, first_time)
            expected = after(record)
            yield record

    def _alone(self, written: bytearray, base: int, expected: int, first_time: int) -> Polled:
        try:
            return self._record(_Reader(written), base, first_time)
        except Exception:  # noqa: BLE001  whatever is wrong with it, the others are read
            detail = "the record cannot be decoded; its bytes are kept as they came"
            return self._at(expected, expected + 1, "malformed", detail, bytes(written))

    def _record(
        self, reader: "_Reader", base: int, first_time: int
    ) -> "ConsumerRecord[bytes, bytes]":
        reader.number()  # attributes: none is in use
        time, offset = first_time + reader.number(), base + reader.number()
        key, value = reader.bytes(), reader.bytes()
        headers = tuple([(reader.name(), reader.bytes()) for _ in range(reader.number())])
        reader.require_end()
        sizes = (-1 if text is None else len(text) for text in (key, value))
        return ConsumerRecord(*self._tp, offset, time, 0, key, value, None, *sizes, headers)

    def _unread(self, raw: memoryview, error: Exception) -> Unread:
        """With a wrong checksum the number of records may be wrong as well.

        It is believed if two fields agree. Otherwise the next offset is tried.
        """
        position, detail = self.next_fetch_offset, _why(error)
        reason = "too_large" if isinstance(error, TooLargeDecompressed) else "malformed"
        if len(raw) >= _HEAD.size and raw[_MAGIC_AT] == 2:  # noqa: PLR2004  the newest format
            base, *_, last_delta, _, _, _, _, _, count = _HEAD.unpack_from(raw)
            last = base + last_delta
            believed = last_delta + 1 == count or not isinstance(error, _WrongChecksum)
            if believed and position <= last:
                offset = max(base, position)
                text = f"the batch of offsets {base} to {last} cannot be read: {detail}"
                return self._at(offset, last + 1, reason, text, bytes(raw))
        text = f"the batch at this offset cannot be read: {detail}"
        return self._at(position, position + 1, reason, text, None)

    def _at(self, first: int, beyond: int, reason: str, detail: str, raw: bytes | None) -> Unread:
        return Unread(self._tp.topic, self._tp.partition, first, beyond, reason, detail, raw)


class _Reader:
    """Reads the parts of one record (format 2) from its beginning."""

    def __init__(self, written: bytearray) -> None:
        self._written = written
        self._at = 0

    def number(self) -> int:
        value, self._at = decode_varint(self._written, self._at)
        return int(value)

    def bytes(self) -> bytes | None:
        """None: Kafka's null."""
        size = self.number()
        if size < 0:
            return None
        start, self._at = self._at, self._at + size
        if self._at > len(self._written):
            raise CorruptRecordException("a part of a record ends after it")
        return bytes(self._written[start : self._at])

    def name(self) -> str:
        """A header's name. Each byte that is not UTF-8 is escaped with a backslash."""
        return (self.bytes() or b"").decode(errors="backslashreplace")

    def require_end(self) -> None:
        if self._at != len(self._written):
            raise CorruptRecordException("a record is longer than its parts")


def _size(record: Polled) -> int:
    if isinstance(record, Unread):
        return len(record.raw or b"")
    return len(record.key or b"") + len(record.value or b"")


def _why(error: Exception) -> str:
    match error:
        case TooLargeDecompressed():
            return f"decompressed it holds more than {MOST_BYTES} bytes"
        case UnsupportedCodecError():
            return "its compression is not known"
        case CorruptRecordException():
            return "it is damaged (checksum or structure)"
        case _:
            return type(error).__name__


fetcher.MemoryRecords = Batches
fetcher.PartitionRecords = Fetched


T = TypeVar("T")

log = structlog.get_logger(__name__)

STOPPED_WITHIN_SECONDS: Final = 5.0
"""The client would wait 40 seconds for a silent broker: longer than any stop may take."""

_send = AIOKafkaConnection.send


async def stop(client: Any) -> None:
    """Stop a producer or a consumer. The broker notices by itself what is not done in time."""
    try:
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka_client_did_not_stop", error=type(error).__name__)


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. A call that takes longer is abandoned.

    The client's calls cannot always be cancelled, and cancel each other when a connection is lost. Neither may
    delay or end the caller.

    Raises:
        TimeoutError: it took longer, or the client gave it up.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


def require_fetching(client: AIOKafkaConsumer) -> None:
    """Raise `KafkaError` if the fetch task died, which it never reports. Another client must replace it."""
    if client._fetcher.error_future.done():  # noqa: SLF001  there is no other sign of it
        raise KafkaError("the consumer does not fetch any more")


def send(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
    """Aiokafka's own, but a closed transport's `RuntimeError` becomes a `KafkaConnectionError`."""
    try:
        return _send(connection, *request, **options)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection closed ({error})") from error


AIOKafkaConnection.send = send


ACKNOWLEDGED_WITHIN_SECONDS: Final = 15.0
CONNECTED_WITHIN_SECONDS: Final = 10.0
ENDS_WITHIN_SECONDS: Final = 20.0


@immutable
class Outgoing:
    """A Kafka record to be published."""

    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


Connections = frozenset[Any]


class KafkaPublisher:
    """One idempotent producer, replaced by a new one after a failure.

    A producer that met an out-of-order sequence stays dead, and with idempotence its batches never expire. So
    every wait is bounded, and after a failure the producer is thrown away.
    """

    def __init__(self, client_options: Mapping[str, Any]) -> None:
        self._options = dict(client_options)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._known: Connections = frozenset()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_batch_size=256 * 1024,
                    max_request_size=16 * 1024 * 1024,
                    request_timeout_ms=10_000,
                    **self._options,
                )
                try:
                    async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                        await producer.start()
                except (KafkaError, OSError, TimeoutError) as error:
                    await stop(producer)
                    raise BrokerUnavailable from error
                except asyncio.CancelledError:  # the caller had a shorter timeout
                    await stop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def publish(self, records: Sequence[Outgoing]) -> Mapping[TopicPartition, int]:
        """Return when all are acknowledged, in order for each key: the highest offset of each partition.

        Raises:
            BrokerUnavailable: not all are known to be; publish the same again.
            RecordTooLarge: one of them never will be.
        """
        producer = await self._started()
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                acknowledged = [
                    await producer.send(
                        record.topic, record.value, record.key, headers=list(record.headers)
                    )
                    for record in records
                ]
                crash_points.reached("kafka_client.sent")
                places = await asyncio.gather(*acknowledged)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("publish_failed", records=len(records), error=type(error).__name__)
            await self._discard(producer)
            if isinstance(error, MessageSizeTooLargeError):
                raise RecordTooLarge from error
            raise BrokerUnavailable from error
        highest: dict[TopicPartition, int] = {}
        for place in places:
            known = highest.get(place.topic_partition, -1)
            highest[place.topic_partition] = max(place.offset, known)
        return highest

    async def ends(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """The offset after the last record of each partition; none for a missing topic. Raises `BrokerUnavailable`."""
        try:
            ends = await bounded(self._ends(topics), ENDS_WITHIN_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error
        self._known = self._connections()
        return ends

    async def _ends(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        producer = await self._started()
        consumer = AIOKafkaConsumer(**self._options)
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                cluster = await producer.client.fetch_all_metadata()
                places = [
                    TopicPartition(topic, partition)
                    for topic in topics
                    for partition in cluster.partitions_for_topic(topic) or ()
                ]
                await consumer.start()
                ends: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        finally:
            await stop(consumer)
        return ends

    def reconnected(self) -> bool:
        """Whether the broker may be another one than at the last call of `ends`."""
        return not self._known or self._connections() != self._known

    def _connections(self) -> Connections:
        """The open ones. The library has no other sign of a lost connection."""
        if self._producer is None:
            return frozenset()
        connections = self._producer.client._conns.values()  # noqa: SLF001  as above
        return frozenset(each for each in connections if each.connected())

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        await stop(producer)

    async def reachable(self) -> None:
        """Return if the broker answers, else raise `BrokerUnavailable`."""
        producer = await self._started()
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                await producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error

    async def close(self) -> None:
        if self._producer is not None:
            await self._discard(self._producer)
