"""The time of a checkpoint, attested by a time-stamping authority (RFC 3161)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.x509 import Certificate
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

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
