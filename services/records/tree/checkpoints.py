"""The checkpoints in MongoDB: numbered, only found and inserted, never changed."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge

from bmt.chassis import crash_points
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.health import Sampler
from services.records.tree.notes import Note, NoteMalformed
from services.records.tree.tree_store import Overtaken

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
