"""A witness compares each checkpoint with the last, and cosigns it (c2sp.org/tlog-cosignature).

It runs outside the operator's reach, with its own key. It keeps what it cosigned, so a ledger that
shows different histories to different people is detected when two of them compare checkpoints.

The time of a checkpoint, attested by a time-stamping authority (RFC 3161).
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import Certificate
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from services.records.tree.checkpoints import Checkpoint, Note, NoteMalformed, Verifier
from services.records.tree.merkle import verifies_consistency

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
        message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        signature = struct.pack(">Q", seconds) + self.key.sign(message)
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


QUERY: Final = "application/timestamp-query"
"""The media type of a request (RFC 3161, 3.4)."""


class NotTimestamped(Exception):  # noqa: N818  named for what is so
    """The answer does not attest what was requested."""


class Question:
    """A request about one text: its SHA-256, and a nonce that only the answer repeats."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        builder = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256)
        self._request = builder.build()

    def encoded(self) -> bytes:
        """The request in DER."""
        encoded: bytes = self._request.as_bytes()
        return encoded

    def attested_at(self, answer: bytes, roots: Sequence[Certificate]) -> datetime:
        """The time that the answer attests.

        Args:
            answer: in DER, as from the authority; `openssl ts -verify` accepts it too.
            roots: the certificates of trusted authorities.

        Raises:
            NotTimestamped: it is refused, about another text or request, or not from a trusted
                authority.
        """
        builder = VerifierBuilder.from_request(self._request)
        for root in roots:
            builder = builder.add_root_certificate(root)
        try:
            decoded = decode_timestamp_response(answer)
            builder.build().verify_message(decoded, self._text)
        except (VerificationError, ValueError) as error:
            raise NotTimestamped(str(error)) from None
        return decoded.tst_info.gen_time
