"""The checkpoints in MongoDB, numbered, only found and inserted, never changed; and the proofs that lead to them.

A checkpoint is a signed note (c2sp.org/signed-note) with Ed25519: a text, a blank line, a line for each signature.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from prometheus_client import CollectorRegistry, Gauge

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.observability import Sampler
from bmt.contracts.problems import FieldError, Refused
from services.records.tree.merkle import consistency_ranges, inclusion_ranges
from services.records.tree.tree_store import Overtaken, TreeStore

_AT = "at "
_LINES = 4
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the ledger at a moment (c2sp.org/tlog-checkpoint).

    Attributes:
        origin: the ledger's name.
        size: the number of leaves.
        root: over them.
        at: RFC 3339 in UTC; an extension line of the format.
    """

    origin: str
    size: int
    root: bytes
    at: str

    def text(self) -> str:
        """The text that is signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{_AT}{self.at}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From a note's text.

        Raises:
            NoteMalformed: it is no checkpoint of such a ledger.
        """
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[-1] or not lines[3].startswith(_AT):
            raise NoteMalformed("origin, size, root and time are needed, a line each")
        origin, size, root, at, _ = lines
        try:
            read = cls(origin, int(size), base64.b64decode(root, validate=True), at[len(_AT) :])
        except ValueError:
            raise NoteMalformed("size or root cannot be read") from None
        if read.text() != text or len(read.root) != _HASH_BYTES:
            raise NoteMalformed("size or root are not written as they should be")
        return read


COLLECTION: Final = "checkpoints"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it is stored and published.

    Attributes:
        number: 1, 2, … without gaps.
        note: the signed note.
    """

    number: int
    note: str
    at: datetime

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.parse(Note.parse(self.note).text)


class Checkpoints:
    """The checkpoints of one records database."""

    def __init__(self, database: mongodb.Database) -> None:
        """The user needs find and insert."""
        self._checkpoints = database[COLLECTION]

    async def latest(self) -> SignedCheckpoint | None:
        with mongodb.store_errors():
            found = await self._checkpoints.find_one({}, sort=[("_id", -1)])
        return _read(found) if found else None

    async def add(self, signed: SignedCheckpoint, size: int) -> None:
        """Store it permanently.

        Raises:
            Overtaken: this number is taken.
        """
        document = {"_id": signed.number, "size": size, "note": signed.note, "at": signed.at}
        crash_points.reached("records.checkpoints.adding")
        with mongodb.store_errors():
            try:
                await self._checkpoints.insert_one(document)
            except mongodb.DuplicateKeyError:
                raise Overtaken from None
        crash_points.reached("records.checkpoints.added")


def _read(document: Any) -> SignedCheckpoint:
    return SignedCheckpoint(document["_id"], document["note"], document["at"])


def measuring(checkpoints: Checkpoints, registry: CollectorRegistry, clock: Clock) -> Sampler:
    """Sets `bmt_checkpoint_age_seconds` before it is read. Without a checkpoint it is infinite."""
    gauge = Gauge(
        "bmt_checkpoint_age_seconds",
        "How long ago the newest checkpoint of the ledger was signed; one is due every minute.",
        registry=registry,
    )
    gauge.set(float("inf"))

    async def sample() -> None:
        if (latest := await checkpoints.latest()) is not None:
            gauge.set(max(0.0, (clock() - latest.at).total_seconds()))

    return sample


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


class NothingSigned(Unavailable):
    """There is no checkpoint yet, or none with the requested leaves; try again."""

    def __init__(self) -> None:
        super().__init__("sequencer")


class NoSuchTree(Refused):
    """A size was never signed, or the first is larger than the second."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class Proof:
    """One leaf is in the tree of a checkpoint.

    Attributes:
        sequence: the leaf's number, from 0.
        hashes: the audit path, from the bottom up (RFC 6962, section 2.1.1).
    """

    sequence: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TreeReading:
    """Reads one tree."""

    tree: TreeStore
    checkpoints: Checkpoints

    async def latest(self) -> SignedCheckpoint:
        """The newest checkpoint.

        Raises:
            NothingSigned: there is none yet.
        """
        latest = await self.checkpoints.latest()
        if latest is None:
            raise NothingSigned
        return latest

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `first` leaves begins the tree of `second`.

        Raises:
            NoSuchTree: the second is larger than the signed tree, or the first than the second.
        """
        size = (await self.latest()).checkpoint.size
        if second > size:
            raise _refused(FieldError.of("/query/to", "more_than_signed", maximum=size))
        if first > second:
            raise _refused(FieldError.of("/query/from", "from_after_to"))
        return await self.tree.roots(consistency_ranges(first, second))

    async def proofs(self, request_id: str, indexes: Sequence[int], size: int) -> list[Proof]:
        """The proofs of a chain's leaves in the tree of `size` leaves.

        Raises:
            NothingSigned: one of them is not in it.
        """
        numbers = await self.tree.numbers([request_id])
        found = [numbers.get((request_id, index)) for index in indexes]
        known = [number for number in found if number is not None and number < size]
        if len(known) != len(found):
            raise NothingSigned
        paths = [inclusion_ranges(number, size) for number in known]
        roots = dict(
            zip(
                wanted := list({part for path in paths for part in path}),
                await self.tree.roots(wanted),
                strict=True,
            )
        )
        return [
            Proof(number, tuple(roots[part] for part in path))
            for number, path in zip(known, paths, strict=True)
        ]


def _refused(wrong: FieldError) -> NoSuchTree:
    return NoSuchTree(wrong.detail, errors=(wrong,))
