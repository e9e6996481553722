"""What a person's key does: seals and opens (AES-256-GCM, NIST SP 800-38D), and names what is theirs."""

import hmac
import os
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.records.sealing.master_keys import NONCE_BYTES, derived


class SealBroken(Exception):  # noqa: N818  named for what is so
    """What was sealed was changed since, or belongs elsewhere."""


class PersonKey:
    """One person's key.

    Attributes:
        id: what is sealed names it.
    """

    def __init__(self, key_id: str, raw: bytes) -> None:
        """`raw` is 32 random bytes."""
        self.id = key_id
        self._raw = raw
        self._values = AESGCM(derived(raw, b"values"))

    @cached_property
    def _names(self) -> bytes:
        return derived(self._raw, b"names")

    @cached_property
    def _files(self) -> bytes:
        return derived(self._raw, b"files")

    def seal(self, text: bytes, belongs_to: str) -> bytes:
        """Nonce, ciphertext and tag; opens only where the same is said of what it belongs to."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._values.encrypt(nonce, text, belongs_to.encode())

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """The text again.

        Raises:
            SealBroken: it is not what was sealed, or not of what it is said to belong to.
        """
        try:
            return self._values.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], belongs_to.encode()
            )
        except (InvalidTag, ValueError):
            raise SealBroken(belongs_to) from None

    def name(self, document_id: str) -> str:
        """What a document of this person is stored as: it tells nothing of its content."""
        return f"sealed:{hmac.digest(self._names, document_id.encode(), 'sha256').hex()}"

    def for_file(self, salt: bytes) -> AESGCM:
        """The cipher of one file."""
        return AESGCM(derived(self._files, b"one file", salt))
