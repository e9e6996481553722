"""The checkpoints in MongoDB: found and inserted, never changed; each has the next number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis import crash_points
from bmt.chassis.runtime import mongodb
from services.records.tree.checkpoint import Checkpoint
from services.records.tree.notes import Note
from services.records.tree.tree_store import Overtaken

COLLECTION: Final = "checkpoints"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it is stored and handed out.

    Attributes:
        number: 1, 2, … without gaps.
        note: the signed note.
        at: when, UTC.
    """

    number: int
    note: str
    at: datetime

    @property
    def checkpoint(self) -> Checkpoint:
        """What is signed."""
        return Checkpoint.parse(Note.parse(self.note).text)


class Checkpoints:
    """The checkpoints of one records database."""

    def __init__(self, database: mongodb.Database) -> None:
        """The user needs find and insert."""
        self._checkpoints = database[COLLECTION]

    async def latest(self) -> SignedCheckpoint | None:
        """The newest one."""
        with mongodb.store_errors():
            found = await self._checkpoints.find_one({}, sort=[("_id", -1)])
        return _read(found) if found else None

    async def add(self, signed: SignedCheckpoint, size: int) -> None:
        """Keep it for ever.

        Raises:
            Overtaken: there is one of this number.
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
