"""The keys from outside the database under which the people's keys are kept."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bmt.chassis.errors import Unavailable, WrongConfiguration

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class KeyUnknown(Unavailable):
    """Something was wrapped under a master key that is not given, or was changed since."""

    def __init__(self, key_id: str) -> None:
        """The part that is missing is the setting; `key_id` names the person's key, not the person."""
        super().__init__(f"the master key of {key_id} (BMT_RECORDS_KEY)")


class Person(NamedTuple):
    """Whose data it is: an account of an agency, whatever the case of its letters."""

    agency: str
    account: str


class MasterKey:
    """One key of 32 bytes, of which two are made: people are named by one, their keys wrapped by the other."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError when it is not 32 bytes long."""
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a key of {KEY_BYTES} bytes is needed, and this one has {len(raw)}")
        self.id = hashlib.sha256(b"bmt master key" + raw).hexdigest()[:8]
        self._naming = derived(raw, b"naming people")
        self._wrapping = AESGCM(derived(raw, b"wrapping keys"))

    def name_of(self, person: Person) -> str:
        """What a person is called in the store: nobody without this key can tell whose name it is."""
        said = f"{person.agency}\0{person.account.casefold()}"
        return hmac.digest(self._naming, said.encode(), "sha256").hex()

    def wrap(self, key: bytes, key_id: str) -> bytes:
        """A person's key as it is stored."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, key_id.encode())

    def unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """The key again.

        Raises:
            KeyUnknown: it was not wrapped by this one, or was changed since.
        """
        try:
            return self._wrapping.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id.encode()
            )
        except InvalidTag:
            raise KeyUnknown(key_id) from None


def master_keys(text: str) -> Sequence[MasterKey]:
    """Keys as `BMT_RECORDS_KEY` gives them: base64, a line each; the first one is for what is new.

    Raises:
        WrongConfiguration: says which line is not a key, and nothing of it.
    """
    keys = []
    for number, line in enumerate(text.split(), start=1):
        try:
            keys.append(MasterKey(base64.b64decode(line, validate=True)))
        except (binascii.Error, ValueError):
            raise WrongConfiguration(f"line {number} is not {KEY_BYTES} bytes in base64") from None
    if not keys:
        raise WrongConfiguration(f"at least one key of {KEY_BYTES} bytes in base64 is needed")
    return keys


def derived(key: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    """A key for one purpose (HKDF, RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt, b"bmt records: " + purpose).derive(key)
