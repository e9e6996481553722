"""The codes of OpenID Connect's code flow: good for one exchange, for a minute, by who began it (RFC 7636)."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SECONDS: Final = 60.0


@dataclass(frozen=True)
class Grant:
    """What a code stands for.

    Attributes:
        sid: of the session of who signed in.
        client_id: the application that asked.
        redirect_uri: where it is.
        challenge: base64url of the SHA-256 of what the application alone knows.
        nonce: the application's, for the ID token; may be empty.
    """

    sid: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str


class Codes:
    """Those that are not exchanged yet."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._open: dict[str, tuple[Grant, float]] = {}

    def new(self, grant: Grant) -> str:
        """A code for it."""
        now = self._monotonic()
        self._open = {code: kept for code, kept in self._open.items() if kept[1] > now}
        code = secrets.token_urlsafe(32)
        self._open[code] = (grant, now + SECONDS)
        return code

    def exchange(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Grant | None:
        """What the code stands for; None: it is unknown, used, too old, or another application's."""
        grant, until = self._open.pop(code, (None, 0.0))
        if grant is None or until <= self._monotonic():
            return None
        said = (client_id, redirect_uri, _challenge(verifier))
        return grant if said == (grant.client_id, grant.redirect_uri, grant.challenge) else None


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
