"""A checkpoint (c2sp.org/tlog-checkpoint): the size and root of the tree at a moment, to be signed."""

import base64
from dataclasses import dataclass

from services.records.tree.notes import NoteMalformed

_AT = "at "
_LINES = 4
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the ledger was at a moment.

    Attributes:
        origin: which ledger.
        size: how many leaves it had.
        root: over them.
        at: when, RFC 3339 in UTC; an extension line of the format.
    """

    origin: str
    size: int
    root: bytes
    at: str

    def text(self) -> str:
        """What is signed."""
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
