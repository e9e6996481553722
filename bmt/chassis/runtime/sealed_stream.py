"""Long content, sealed in pieces so that it is never in memory whole.

The scheme is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015): each piece is
sealed with its number and whether it is the last, so no change, move or omission goes undetected. The content
begins with a salt; its own key is derived from the salt and a secret.
"""

import os
from collections.abc import AsyncIterator, Callable
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALT_BYTES: Final = 32
PIECE_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
_SEALED_PIECE_BYTES: Final = PIECE_BYTES + _TAG_BYTES

CipherOf = Callable[[bytes], AESGCM]
"""The content's own key, by its salt."""


class SealBroken(Exception):  # noqa: N818  named for what is so
    """Sealed data was changed, or belongs elsewhere."""


class Sealing:
    """Seals what is written, into `sealed`. What is not closed cannot be opened."""

    def __init__(self, sealed: IO[bytes], cipher_of: CipherOf) -> None:
        salt = os.urandom(SALT_BYTES)
        sealed.write(salt)
        self._sealed = sealed
        self._cipher = cipher_of(salt)
        self._waiting = bytearray()
        self._number = 0

    def write(self, plain: bytes) -> None:
        self._waiting += plain
        # A full piece waits until more comes: it may be the last.
        while len(self._waiting) > PIECE_BYTES:
            self._seal(last=False)

    def close(self) -> None:
        """Seal the last piece; `sealed` stays open."""
        self._seal(last=True)

    def _seal(self, *, last: bool) -> None:
        piece = bytes(self._waiting[:PIECE_BYTES])
        del self._waiting[:PIECE_BYTES]
        self._sealed.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


async def opened(sealed: AsyncIterator[bytes], cipher_of: CipherOf) -> AsyncIterator[bytes]:
    """The pieces, each verified before it is returned.

    Raises:
        SealBroken: some of it was changed, moved or left out, or the secret is another.
    """
    waiting, cipher, number = bytearray(), None, 0
    async for chunk in sealed:
        waiting += chunk
        if cipher is None and len(waiting) >= SALT_BYTES:
            cipher = cipher_of(bytes(waiting[:SALT_BYTES]))
            del waiting[:SALT_BYTES]
        # There is more than one piece, so this is not the last.
        while cipher is not None and len(waiting) > _SEALED_PIECE_BYTES:
            yield _opened(cipher, bytes(waiting[:_SEALED_PIECE_BYTES]), number, last=False)
            del waiting[:_SEALED_PIECE_BYTES]
            number += 1
    if cipher is None:
        raise SealBroken("a file")
    if piece := _opened(cipher, bytes(waiting), number, last=True):
        yield piece


def _opened(cipher: AESGCM, piece: bytes, number: int, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), piece, None)
    except (InvalidTag, ValueError):
        raise SealBroken(f"piece {number} of a file") from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
