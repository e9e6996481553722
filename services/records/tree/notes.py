"""Signed notes (c2sp.org/signed-note) with Ed25519: a text, a blank line, a line for each signature."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\x01"
"""The signature type. It is hashed with the public key to make a key id."""

_DASH: Final = "\u2014 "
_END: Final = "-----END PRIVATE KEY-----"
_RAW: Final = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class KeyUnusable(ValueError):  # noqa: N818  named for what is so
    """A text contains no usable key. The message has the reason, not the key."""


class NoteMalformed(ValueError):  # noqa: N818  named for what is so
    """A text is not a signed note."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key.

    Attributes:
        name: of the key. A ledger's keys have the ledger's origin.
        key: 32 bytes.
    """

    name: str
    key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that distinguish keys. They prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """From `name+hex key id+base64`.

        Raises:
            KeyUnusable: it is not a key.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise KeyUnusable("the key is not base64") from None
        if len(raw) != len(ED25519) + 32 or raw[:1] != ED25519:
            raise KeyUnusable("it is no Ed25519 key of 32 bytes")
        verifier = cls(name, raw[1:])
        if verifier.key_id.hex() != key_id:
            raise KeyUnusable("the key id is not that of the key")
        return verifier

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """One name's private keys. All of them sign, so that one can replace another without a gap."""

    def __init__(self, name: str, keys: Sequence[Ed25519PrivateKey]) -> None:
        """At least one key."""
        self._keys = [(Verifier(name, key.public_key().public_bytes(*_RAW)), key) for key in keys]

    @classmethod
    def from_pem(cls, name: str, pem: str) -> "Signer":
        """From one or more PKCS#8 keys, one after the other.

        Raises:
            KeyUnusable: there is none, or one is not Ed25519 or needs a passphrase.
        """
        blocks = [f"{block}{_END}\n" for block in pem.split(_END)[:-1]]
        if not blocks:
            raise KeyUnusable("it holds no private key in PEM")
        return cls(name, [_private_key(block) for block in blocks])

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        return tuple(verifier for verifier, _ in self._keys)

    def sign(self, text: str) -> str:
        """The note: the text, which must end with a line break, and every key's signature."""
        return text + "\n" + "".join(_line(who, key.sign(text.encode())) for who, key in self._keys)


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text as it was read. Nothing is verified yet.

    Attributes:
        text: what is signed.
        signatures: name, key id and signature of each line.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> "Note":
        """Parse a note.

        Raises:
            NoteMalformed: it is not a note.
        """
        text, blank, lines = note.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise NoteMalformed("a text, a blank line and signatures are needed")
        return cls(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))

    def signed_by(self, verifiers: Sequence[Verifier]) -> list[Verifier]:
        """Those of `verifiers` that signed this text."""
        return [
            verifier
            for verifier in verifiers
            for name, key_id, signature in self.signatures
            if (name, key_id) == (verifier.name, verifier.key_id)
            and verifier.verifies(self.text, signature)
        ]


def _line(verifier: Verifier, signature: bytes) -> str:
    return f"{_DASH}{verifier.name} {base64.b64encode(verifier.key_id + signature).decode()}\n"


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if not line.startswith(_DASH) or not space or len(raw) < 5:  # noqa: PLR2004
        raise NoteMalformed("a line is no signature")
    return name, raw[:4], raw[4:]


def _private_key(pem: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise KeyUnusable("a private key cannot be read") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable("a private key is not Ed25519")
    return key
