"""The access token of who signed in, sealed in their own cookie, for pages that call other services as them.

Only this system can open it (JWE, RFC 7516: a direct key, A256GCM, compressed, since a cookie holds 4 KiB).
"""

from hashlib import sha256
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import SecretStr

MOST_SEALED: Final = 2600
"""Characters: with the rest of the session more would not fit into a cookie, which browsers drop in silence."""

_HEADER: Final = {"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
_PURPOSE: Final = b"bmt: the access token that a session carries\n"


class TokenTooLong(Exception):  # noqa: N818  named for what is so
    """The issuer's access token does not fit into a cookie: it must hold fewer claims."""


class CarriedToken:
    """Seals tokens, and opens what it sealed."""

    def __init__(self, session_key: SecretStr) -> None:
        """`session_key` signs the cookies; a key of its own is made from it."""
        secret = session_key.get_secret_value().encode()
        self._key = OctKey.import_key(sha256(_PURPOSE + secret).digest())

    def seal(self, token: str) -> str:
        """The token as a session may carry it.

        Raises:
            TokenTooLong: it would not fit.
        """
        sealed = jwe.encrypt_compact(_HEADER, token.encode(), self._key)
        if len(sealed) > MOST_SEALED:
            raise TokenTooLong
        return sealed

    def open(self, sealed: str) -> str | None:
        """The token; None: it was sealed under another key."""
        try:
            plaintext = jwe.decrypt_compact(sealed, self._key).plaintext
        except (JoseError, ValueError):
            return None
        return plaintext.decode() if plaintext else None
