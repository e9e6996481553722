"""A file sealed piece by piece, so that it is never in memory whole.

As STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015): each piece is sealed
with its number and whether it is the last, so that none can be changed, moved or left out unseen. The salt
comes first, of which, with the person's key, the file's own key is made.
"""

import os
from collections.abc import AsyncIterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.records.sealing.cipher import PersonKey, SealBroken

SALT_BYTES: Final = 32
PIECE_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
_SEALED_PIECE_BYTES: Final = PIECE_BYTES + _TAG_BYTES


def seal_file(plain: IO[bytes], sealed: IO[bytes], key: PersonKey) -> None:
    """Write what `plain` holds from where it stands, sealed."""
    salt = os.urandom(SALT_BYTES)
    sealed.write(salt)
    cipher, number = key.for_file(salt), 0
    piece = plain.read(PIECE_BYTES)
    while True:
        following = plain.read(PIECE_BYTES) if len(piece) == PIECE_BYTES else b""
        sealed.write(cipher.encrypt(_nonce(number, last=not following), piece, None))
        if not following:
            return
        piece, number = following, number + 1


async def opened_file(sealed: AsyncIterator[bytes], key: PersonKey) -> AsyncIterator[bytes]:
    """The pieces again, each checked before it is given.

    Raises:
        SealBroken: some of it was changed, moved or left out, or the key is another.
    """
    waiting, cipher, number = b"", None, 0
    async for chunk in sealed:
        waiting += chunk
        if cipher is None and len(waiting) >= SALT_BYTES:
            cipher, waiting = key.for_file(waiting[:SALT_BYTES]), waiting[SALT_BYTES:]
        # More than a piece: so it is not the last one.
        while cipher is not None and len(waiting) > _SEALED_PIECE_BYTES:
            yield _opened(cipher, waiting[:_SEALED_PIECE_BYTES], number, last=False)
            waiting, number = waiting[_SEALED_PIECE_BYTES:], number + 1
    if cipher is None:
        raise SealBroken("a file")
    if piece := _opened(cipher, waiting, number, last=True):
        yield piece


def _opened(cipher: AESGCM, piece: bytes, number: int, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), piece, None)
    except (InvalidTag, ValueError):
        raise SealBroken(f"piece {number} of a file") from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
