"""The issuer's public keys: fetched when needed, kept, and fetched again when a new one appears."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from bmt.chassis import tls
from bmt.chassis.errors import Unavailable

_PUBLIC_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
_LEAST_RSA_BITS: Final = 2048
_MOST_BYTES: Final = 1024 * 1024
"""The largest document that is taken from the issuer."""
_log = structlog.get_logger()


def issuer_client(timeout_seconds: float = 5.0) -> httpx.AsyncClient:
    """A client for the issuer: no proxy of the environment, the machine's certificates."""
    return httpx.AsyncClient(timeout=timeout_seconds, trust_env=False, verify=tls.machines())


class IssuerKeys:
    """The signing keys of an OIDC issuer, by `kid` (OIDC Discovery 1.0, RFC 7517).

    They are fetched at the first token, again when a token names an unknown key (at most once in
    `pause_seconds`, whatever callers send), and in the background once they are older than
    `age_seconds`, so that a revoked key is forgotten. Keys known are used while the issuer is
    away.
    """

    def __init__(
        self,
        issuer: str,
        client: httpx.AsyncClient | None = None,
        *,
        pause_seconds: float = 3.0,
        age_seconds: float = 600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects to nothing yet; `client` is closed by `aclose`."""
        self.issuer = issuer
        self._client = client or issuer_client()
        self._pause_seconds = pause_seconds
        self._age_seconds = age_seconds
        self._monotonic = monotonic
        self._keys: dict[str, Key] = {}
        self._edition = 0
        self._tried_at = float("-inf")
        self._fetched_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Key | None:
        """The key named `kid`, or the only key when none is named; None when there is no such key.

        Raises:
            Unavailable: no key was ever fetched and the issuer does not answer.
        """
        key = self._known(kid)
        if key is None:
            await self._fetch_again()
            return self._known(kid)
        self._renew_in_time()
        return key

    def edition(self) -> int:
        """The number of this set of keys: what was verified under another one holds no more."""
        self._renew_in_time()
        return self._edition

    async def check(self) -> None:
        """For readiness: returns once any key is known.

        Raises:
            Unavailable: no key is known and the issuer does not answer.
        """
        if not self._keys:
            await self._fetch_again()

    async def aclose(self) -> None:
        """Stops fetching and closes the client."""
        if self._fetching is not None:
            self._fetching.cancel()
        await self._client.aclose()

    def _known(self, kid: str | None) -> Key | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _renew_in_time(self) -> None:
        if self._monotonic() - self._fetched_at > self._age_seconds:
            self._start_fetching()

    async def _fetch_again(self) -> None:
        fetching = self._start_fetching()
        if fetching is not None:
            await asyncio.shield(fetching)
        if not self._keys:
            raise Unavailable("issuer", retry_after_seconds=max(1, round(self._pause_seconds)))

    def _start_fetching(self) -> asyncio.Task[None] | None:
        """The fetch under way, a new one, or None when the last one was a moment ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self._monotonic() - self._tried_at < self._pause_seconds:
            return None
        self._tried_at = self._monotonic()
        self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            configuration = await self._get(
                self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            )
            if configuration["issuer"] != self.issuer:
                raise ValueError("the discovery document is another issuer's")  # noqa: TRY301
            keys = _signing_keys(await self._get(configuration["jwks_uri"]))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            _log.warning("issuer_keys_not_fetched", issuer=self.issuer, error=repr(error))
            return
        if _published(keys) != _published(self._keys):
            self._edition += 1
        self._keys, self._fetched_at = keys, self._monotonic()

    async def _get(self, url: str) -> dict[str, Any]:
        answer = await self._client.get(url)
        answer.raise_for_status()
        if len(answer.content) > _MOST_BYTES:
            raise ValueError("the issuer's document is too large")
        document: dict[str, Any] = answer.json()
        return document


def _published(keys: dict[str, Key]) -> dict[str, str]:
    return {kid: key.thumbprint() for kid, key in keys.items()}


def _signing_keys(document: dict[str, Any]) -> dict[str, Key]:
    """Public signing keys by kid; a weak one, or of a kind not known here, is passed over (RFC 7517, 5)."""
    keys: dict[str, Key] = {}
    for jwk in document["keys"]:
        if jwk.get("kty") not in _PUBLIC_KEY_TYPES or jwk.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(jwk)
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS:
            continue
        key.ensure_kid()
        keys[str(key.kid)] = key
    if not keys:
        raise ValueError("the issuer publishes no signing key")
    return keys
