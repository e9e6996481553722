"""The keys of one family of pages: made from the service's secret, and good for that family alone."""

import hmac
from typing import Final

from pydantic import SecretStr

_PURPOSE: Final = "bmt pages, key 1"


class FamilyKeys:
    """One key for each use. What another family signed or sealed is nothing here, though the secret be the same."""

    def __init__(self, secret: SecretStr, prefix: str) -> None:
        """`prefix` names the family: what its addresses begin with."""
        self._secret = secret.get_secret_value().encode()
        self._prefix = prefix

    def of(self, use: str) -> bytes:
        """The 32 bytes for one use."""
        return hmac.digest(self._secret, f"{_PURPOSE}\n{self._prefix}\n{use}".encode(), "sha256")
