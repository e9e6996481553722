"""Whatever was fetched is read as far as it can be; what cannot is a value with its place, its reason and its bytes."""

import asyncio
import gzip
import struct
from contextlib import suppress

import cramjam
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from bmt.chassis.messaging import kafka_client as publishing
from bmt.chassis.messaging.consumer import in_time
from bmt.chassis.messaging.kafka_client import (
    MOST_BYTES,
    Batches,
    Fetched,
    KafkaPublisher,
    TooLargeDecompressed,
    Unread,
    bounded,
    gzip_decode,
    lz4_decode,
    snappy_decode,
    zstd_decode,
)

PLACE = TopicPartition("bmt.inbound.hrmis.v1", 1)

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4

READ_COMMITTED = 1

TRANSACTIONAL, CONTROL = 0x10, 0x20

ABORT = struct.pack(">hh", 0, 0)


def batch(*values, base=0, codec=0, headers=(), attributes=0, producer=-1, key=None) -> bytes:
    """As the broker stores it: with its first offset, and a checksum over the rest."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 30,
    )
    for number, value in enumerate(values):
        builder.append(number, timestamp=1, key=key, value=value, headers=list(headers))
    raw = bytearray(builder.build())
    raw[0:8] = struct.pack(">q", base)
    raw[22] |= attributes
    return sealed(raw)


def sealed(raw) -> bytes:
    """With the checksum that its bytes have now."""
    raw = bytearray(raw)
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    return bytes(raw)


def read(*batches: bytes, at: int = 0, aborted=()) -> list:
    return list(fetched(*batches, at=at, aborted=aborted))


def fetched(*batches: bytes, at: int = 0, aborted=()) -> Fetched:
    records = Batches(b"".join(batches))
    return Fetched(PLACE, records, list(aborted), at, None, None, True, READ_COMMITTED)


def values(found) -> list:
    return [record if isinstance(record, Unread) else record.value for record in found]


def test_the_clients_fetcher_reads_with_these():
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (Batches, Fetched)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_the_clients_own_decoder_of_batches_is_bounded(codec):
    with pytest.raises(TooLargeDecompressed):
        list(DefaultRecordBatch(batch(bytes(MOST_BYTES + 1), codec=codec)))


@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY, LZ4, ZSTD])
def test_batches_of_every_codec_are_read(codec):
    found = read(batch(b"one", b"two", codec=codec), batch(b"three", base=2, codec=codec))
    assert values(found) == [b"one", b"two", b"three"]
    assert [record.offset for record in found] == [0, 1, 2]


def test_the_java_producers_blocks_of_snappy_are_read():
    raw = bytes(cramjam.snappy.compress_raw(b"abc")), bytes(cramjam.snappy.compress_raw(b"def"))
    blocks = b"".join(struct.pack(">I", len(each)) + each for each in raw)
    assert snappy_decode(b"\x82SNAPPY\x00" + b"\x00\x00\x00\x01" * 2 + blocks) == b"abcdef"


@pytest.mark.parametrize("codec", [0, GZIP])
def test_messages_of_the_old_formats_are_read(codec):
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=codec, batch_size=1 << 20)
    builder.append(0, timestamp=1, key=b"k", value=b"old")
    assert values(read(bytes(builder.build()), batch(b"new", base=1))) == [b"old", b"new"]


def test_the_name_of_a_header_that_is_not_utf8_is_escaped_and_nothing_is_lost():
    raw = batch(b"first", b"second", headers=[("name", b"\xff"), ("ce_id", b"1")])
    found = read(batch(b"before"), sealed(restarted(raw.replace(b"name", b"n\xe4me"), 1)))
    assert values(found) == [b"before", b"first", b"second"]
    assert found[1].headers == (("n\\xe4me", b"\xff"), ("ce_id", b"1"))
    assert [record.offset for record in found] == [0, 1, 2]


def restarted(raw: bytes, base: int) -> bytes:
    return struct.pack(">q", base) + raw[8:]


def test_a_damaged_batch_is_one_unread_and_its_neighbours_are_read():
    damaged = batch(b"two", b"three", base=1).replace(b"two", b"t?o")
    found = read(batch(b"one"), damaged, batch(b"four", base=3))
    one, unread, four = values(found)
    assert (one, four) == (b"one", b"four")
    assert (unread.offset, unread.next_offset, unread.reason) == (1, 3, "malformed")
    assert unread.raw == damaged
    assert "damaged" in unread.detail


def test_where_a_damaged_batch_contradicts_itself_its_offsets_are_tried_one_by_one():
    raw = bytearray(batch(b"one", b"two"))
    raw[23:27] = struct.pack(">i", 1_000_000)
    reading = fetched(bytes(raw))
    (unread,) = reading
    assert (unread.offset, unread.next_offset, unread.raw) == (0, 1, None)
    assert reading.next_fetch_offset == 1


def test_a_batch_of_an_unknown_codec_is_unread():
    unread, after = values(read(batch(b"one", attributes=6), batch(b"two", base=1)))
    assert after == b"two"
    assert (unread.next_offset, unread.reason) == (1, "malformed")
    assert "compression" in unread.detail


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_whose_compressed_bytes_are_no_such_thing_is_unread(codec):
    raw = bytearray(batch(b"x" * 1000, codec=codec))
    raw[61:] = b"\xfe" * (len(raw) - 61)
    unread, after = values(read(sealed(raw), batch(b"two", base=1)))
    assert (unread.offset, unread.next_offset, after) == (0, 1, b"two")


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_that_is_too_large_once_decompressed_is_unread_and_the_others_are_read(codec):
    bomb = batch(bytes(MOST_BYTES + 1), codec=codec)
    unread, after = values(read(bomb, batch(b"two", base=1)))
    assert (unread.reason, after) == ("too_large", b"two")
    assert str(MOST_BYTES) in unread.detail


@pytest.mark.parametrize(
    ("decode", "compress"),
    [
        (gzip_decode, gzip.compress),
        (snappy_decode, cramjam.snappy.compress_raw),
        (lz4_decode, cramjam.lz4.compress),
        (zstd_decode, cramjam.zstd.compress),
    ],
)
def test_decompressing_stops_at_the_limit(monkeypatch, decode, compress):
    monkeypatch.setattr("bmt.chassis.messaging.kafka_client.MOST_BYTES", 1000)
    assert decode(bytes(compress(b"x" * 1000))) == b"x" * 1000
    with pytest.raises(TooLargeDecompressed):
        decode(bytes(compress(b"x" * 1001)))


def test_several_members_of_a_gzip_file_are_one_text():
    assert gzip_decode(gzip.compress(b"ab") + gzip.compress(b"cd")) == b"abcd"


def test_of_one_fetch_no_more_is_decoded_at_once_than_a_batch_beyond_the_limit():
    size = MOST_BYTES - 1000
    batches = [batch(bytes(size), base=number, codec=ZSTD) for number in range(3)]
    reading = fetched(*batches)
    assert len(list(reading)) == 2
    assert reading.next_fetch_offset == 2


@pytest.mark.parametrize(
    ("name", "made_by"), [(b"name", "_consumer_record"), (b"n\xe4me", "_record")]
)
def test_of_a_batch_no_more_records_are_made_than_are_asked_for(monkeypatch, name, made_by):
    """A megabyte may hold a million of them, and who makes them all stands still for seconds."""
    made, make = [], getattr(Fetched, made_by)

    def counted(*parts):
        made.append(1)
        return make(*parts)

    monkeypatch.setattr(Fetched, made_by, counted)
    many = batch(*[b"x"] * 1000, headers=[("name", b"1")])
    assert next(fetched(sealed(many.replace(b"name", name)))).value == b"x"
    assert len(made) == 1


def test_marks_of_the_broker_and_aborted_transactions_are_no_records():
    found = read(
        batch(b"aborted", attributes=TRANSACTIONAL, producer=7),
        batch(b"committed", base=1, attributes=TRANSACTIONAL, producer=8),
        batch(b"\x00\x00\x00\x00\x00\x00", base=2, attributes=TRANSACTIONAL | CONTROL, producer=7, key=ABORT),
        batch(b"after it", base=3, attributes=TRANSACTIONAL, producer=7),
        aborted=[(7, 0)],
    )  # fmt: skip
    assert values(found) == [b"committed", b"after it"]


def test_a_record_whose_parts_do_not_fit_is_unread_alone():
    raw = batch(b"first", b"second")
    wrong = sealed(raw.replace(b"\x0afirst", b"\x7efirst"))
    unread, second = values(read(wrong))
    assert (unread.offset, unread.next_offset, second) == (0, 1, b"second")
    assert b"first" in unread.raw


def test_what_was_handled_of_a_batch_before_is_not_read_again():
    assert values(read(batch(b"one", b"two", b"three"), at=2)) == [b"three"]
    damaged = batch(b"one", b"two", b"three").replace(b"two", b"t?o")
    (unread,) = read(damaged, at=1)
    assert (unread.offset, unread.next_offset) == (1, 3)


def test_a_last_batch_that_is_cut_off_is_left_for_the_next_fetch():
    reading = fetched(batch(b"one"), batch(b"two", base=1)[:-3])
    assert values(reading) == [b"one"]
    assert reading.next_fetch_offset == 1


@pytest.mark.parametrize("length", [-1, 0, 5, 2**31 - 1])
def test_a_batch_whose_length_is_wrong_holds_nobody_up(length):
    raw = bytearray(batch(b"one", b"two"))
    raw[8:12] = struct.pack(">i", length)
    reading = fetched(bytes(raw), batch(b"three", base=2))
    (unread,) = reading
    assert isinstance(unread, Unread)
    assert reading.next_fetch_offset == 2


@pytest.mark.parametrize("raw", [b"\x00", b"\x00" * 16, b"\x00" * 17, b"\xff" * 300])
def test_bytes_that_are_no_batch_at_all_hold_nobody_up(raw):
    reading = fetched(raw, at=5)
    (unread,) = reading
    assert (unread.offset, reading.next_fetch_offset) == (5, 6)


@pytest.fixture
async def silent_broker():
    """The address of one that takes connections and never answers."""
    connections = []

    def keep(reader, writer) -> None:
        connections.append((reader, writer))

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    server.close()
    for _, writer in connections:
        writer.close()


async def test_a_check_that_runs_out_of_time_leaves_no_producer_behind(silent_broker, monkeypatch):
    made = []

    class Noted(AIOKafkaProducer):
        def __init__(self, **options) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(publishing, "AIOKafkaProducer", Noted)
    publisher = KafkaPublisher({"bootstrap_servers": silent_broker})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await publisher.reachable()
    assert [producer._closed for producer in made] == [True]


async def test_who_does_not_end_is_left_behind():
    let_go = asyncio.Event()

    async def stubborn():
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await let_go.wait()

    with pytest.raises(TimeoutError):
        await bounded(stubborn(), 0.01)
    let_go.set()


async def test_a_call_that_gives_itself_up_does_not_end_its_caller():
    async def call() -> None:
        raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        await bounded(call(), 5)


def record(topic: str, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord(topic, 0, offset, timestamp, 1, b"k", b"{}", None, 1, 2, ())


def test_records_of_several_topics_are_handled_as_they_were_dated_and_no_partition_out_of_order():
    polled = {
        TopicPartition("later", 0): [record("later", 0, 20), record("later", 1, 40)],
        TopicPartition("earlier", 0): [record("earlier", 0, 30), record("earlier", 1, 10)],
    }
    handled = [(one.topic, one.offset) for one in in_time(polled)]
    assert handled == [("later", 0), ("earlier", 0), ("earlier", 1), ("later", 1)]
