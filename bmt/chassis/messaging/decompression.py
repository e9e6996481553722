"""Decompression up to a limit, and never beyond it.

A broker limits a batch's compressed size only. 200 kB of zeros may be 200 MB, which a client library would
put into memory before anybody could look at its size. So aiokafka's own functions are replaced here. Each
fills memory that was allocated before, and fails if that is too small.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

import cramjam
from aiokafka import codec
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_records
from aiokafka.record._crecords import legacy_records as fast_legacy_records

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
