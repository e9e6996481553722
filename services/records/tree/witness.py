"""A witness compares each checkpoint with the last, and cosigns it (c2sp.org/tlog-cosignature).

It runs outside the operator's reach, with its own key. It keeps what it cosigned, so a ledger that
shows different histories to different people is detected when two of them compare checkpoints.
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.records.tree.checkpoints import Checkpoint
from services.records.tree.merkle import verifies_consistency
from services.records.tree.notes import Note, NoteMalformed, Verifier

COSIGNATURE = b"\x04"
"""The signature type of a witness. It is hashed to make its key id."""


class HistoryRewritten(Exception):  # noqa: N818  named for what is so
    """The ledger does not begin with what this witness saw before."""


class NotTheLedgers(Exception):  # noqa: N818  named for what is so
    """The text is no checkpoint signed by the ledger's keys."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness.

    Attributes:
        name: of its key.
        ledger: the ledger's public keys, from a trusted source.
    """

    name: str
    key: Ed25519PrivateKey
    ledger: Sequence[Verifier]

    def read(self, note: str) -> Checkpoint:
        """The checkpoint of a note.

        Raises:
            NotTheLedgers: it is not one, or no key of the ledger signed it.
        """
        try:
            parsed = Note.parse(note)
            checkpoint = Checkpoint.parse(parsed.text)
        except NoteMalformed as error:
            raise NotTheLedgers(str(error)) from None
        if not parsed.signed_by(self.ledger):
            raise NotTheLedgers("no key of the ledger signed it")
        if any(key.name != checkpoint.origin for key in self.ledger):
            raise NotTheLedgers("it is of another ledger")
        return checkpoint

    def cosign(self, note: str, now: datetime) -> str:
        """The note with this witness' signature."""
        text, seconds = Note.parse(note).text, int(now.timestamp())
        said = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        signature = struct.pack(">Q", seconds) + self.key.sign(said)
        line = base64.b64encode(self._key_id + signature).decode()
        return f"{note}\u2014 {self.name} {line}\n"

    @property
    def verifier(self) -> str:
        """The public key, as others know this witness."""
        encoded = base64.b64encode(COSIGNATURE + self._public).decode()
        return f"{self.name}+{self._key_id.hex()}+{encoded}"

    @property
    def _public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def _key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + COSIGNATURE + self._public).digest()[:4]


def hold_against(last: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Check that the new tree begins with the last one.

    Raises:
        HistoryRewritten: it does not, is smaller, or claims to be older.
    """
    if new.size < last.size:
        raise HistoryRewritten(f"{new.size} leaves are left of {last.size} that were seen before")
    if new.at < last.at:
        raise HistoryRewritten(f"signed {new.at}, before the one that was seen at {last.at}")
    if not verifies_consistency(last.size, last.root, new.size, new.root, proof):
        raise HistoryRewritten(f"the first {last.size} leaves are not those that were seen before")
