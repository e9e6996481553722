"""Fetched records, one by one. What cannot be decoded is a value among them, not an error.

aiokafka raises at the first batch that it cannot decode, and at everything fetched with it, again and
again. Here a batch that cannot be decoded is one `Unread` with the batch's bytes, and the batches before
and after it are read. Header names, which other producers need not write as UTF-8, are decoded with their
odd bytes escaped. If the records of a batch can be told apart, only the bad one is `Unread`.

Decompression up to a limit, and never beyond it.

A broker limits a batch's compressed size only. 200 kB of zeros may be 200 MB, which a client library would
put into memory before anybody could look at its size. So aiokafka's own functions are replaced here. Each
fills memory that was allocated before, and fails if that is too small.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias

import cramjam
from aiokafka import ConsumerRecord, TopicPartition, codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_records
from aiokafka.record._crecords import legacy_records as fast_legacy_records
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

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
