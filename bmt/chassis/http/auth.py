"""Who is calling, and whether they may: the guards of routes, and the tokens that the issuer signs (RFC 9068)."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol, cast, get_args

import httpx
import structlog
from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey
from joserfc.jwt import ClaimsOption
from joserfc.util import urlsafe_b64decode

from bmt.chassis.errors import Unavailable
from bmt.chassis.http import bodies
from bmt.chassis.http.limits import RateLimit, caller_is_known
from bmt.chassis.runtime import settings
from bmt.chassis.runtime.observability import note_of_call
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role

_ADMITTED: Final = "bmt.principal"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, from the verified token.

    Attributes:
        subject: `sub`; for a person, the account.
        email: `email`; empty if the token has none, or an unverified one.
        name: `name`; the subject if the token has none.
        agency: `agency`; empty if the token has none (and then equal to no agency's code).
        roles: those of `roles` that the contract knows.
    """

    subject: str
    email: str
    name: str
    agency: str
    roles: frozenset[Role]

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


class Authenticator(Protocol):
    """Gives a token's principal: the verifier, or a fake of it."""

    async def principal(self, token: str) -> Principal:
        """The principal of a valid token.

        Raises:
            Refused: `unauthenticated`, with what is wrong with the token.
            Unavailable: the issuer's keys are needed and cannot be fetched.
        """
        ...

    async def ready(self) -> None:
        """Return once tokens can be verified; raise `Unavailable` before."""
        ...


class Guard(SecurityBase):
    """A dependency that admits callers with one of `roles` (any caller if none is named).

    It gives the `Principal`. It uses the application's `app.state.authenticator` and `app.state.rate_limit`.
    FastAPI recognises it as a security scheme, so the OpenAPI document shows which calls need a token.
    """

    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT", description="OIDC access token of the issuer.")

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> Any:
        return await self.admit(request)

    async def admit(self, request: Request) -> Principal:
        """The caller, verified once a request. Raises `Refused` (`unauthenticated`, `too_many_requests`, `forbidden`)."""
        admitted: Principal | None = request.scope.get(_ADMITTED)
        if admitted is None:
            authenticator: Authenticator = request.app.state.authenticator
            admitted = await authenticator.principal(bearer_token(request))
            rate_limit: RateLimit = request.app.state.rate_limit
            rate_limit.take(admitted.subject)
            caller_is_known(request.scope, admitted.subject)
            note_of_call(role=",".join(sorted(admitted.roles)))
            request.scope[_ADMITTED] = admitted
        if self.roles and not admitted.has(*self.roles):
            raise Refused(
                f"This needs the role {' or '.join(self.roles)}.",
                problem="forbidden",
                extra={"roles": list(self.roles)},
            )
        return admitted


def require(*roles: Role) -> Guard:
    """The dependency that admits callers with one of `roles` and gives the `Principal`."""
    return Guard(*roles)


principal: Final = Guard()
"""The dependency that admits every caller with a valid token and gives the `Principal`."""


def bearer_token(request: Request) -> str:
    """The caller's token, as it was sent. Raises `Refused` (`unauthenticated`) if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(
            "Send the header Authorization: Bearer, followed by a token.", problem="unauthenticated"
        )
    return token.strip()


_PUBLIC_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
_LEAST_RSA_BITS: Final = 2048
_MOST_BYTES: Final = 1024 * 1024
"""The largest document accepted from the issuer."""
_log = structlog.get_logger()


def issuer_client(timeout_seconds: float = 5.0) -> httpx.AsyncClient:
    """A client for the issuer: no proxy of the environment, the machine's certificates."""
    return httpx.AsyncClient(
        timeout=timeout_seconds, trust_env=False, verify=settings.machines_tls()
    )


class IssuerKeys:
    """The signing keys of an OIDC issuer, by `kid` (OIDC Discovery 1.0, RFC 7517).

    They are fetched at the first token, again when a token names an unknown key (at most once in
    `pause_seconds`, whatever callers send), and in the background once they are older than `age_seconds`, so
    that a revoked key is forgotten. Known keys are used while the issuer is unreachable.
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
        """Connects to nothing yet. `aclose` closes `client`."""
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
        """The key named `kid`, or the only key if none is named; None if there is no such key.

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
        """The number of this set of keys. A verification under another set is no longer valid."""
        self._renew_in_time()
        return self._edition

    async def check(self) -> None:
        """Return once any key is known. Raises `Unavailable` if there is none and the issuer does not answer."""
        if not self._keys:
            await self._fetch_again()

    async def aclose(self) -> None:
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
        """The running fetch, a new one, or None if the last one was a moment ago."""
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


ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Public-key signatures only: never `none`, never HS*, whose key would be the public key."""

MOST_CHARACTERS: Final = 16 * 1024
"""A longer text is refused unread."""

SKEW_SECONDS: Final = 5
"""How far the issuer's clock may be ahead (`nbf`, `iat`)."""
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999. Later times are invalid."""


class IssuerTokens:
    """Verifies signature, header and times of the issuer's tokens (RFC 7519, RFC 8725).

    It accepts one kind of token, for one audience or several. Errors never repeat the token.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        audiences: Sequence[str],
        types: Sequence[str],
        *,
        essential: Sequence[str] = ("exp",),
        now: Callable[[], float] = time.time,
    ) -> None:
        """One of `audiences` must be in `aud`. `types` are the header's `typ`; an empty one: it may be missing.

        `essential` claims are required in addition to `iss` and `aud`.
        """
        self._keys = keys
        self._types = types
        self._now = now
        self._registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        needed: dict[str, ClaimsOption] = {claim: {"essential": True} for claim in essential}
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": keys.issuer},
            aud={"essential": True, "values": list(audiences)},
            **needed,
        )

    async def claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a valid token. Raises as `Authenticator.principal`."""
        if len(token) > MOST_CHARACTERS:
            raise token_refused(f"it is longer than {MOST_CHARACTERS} characters")
        try:
            key = await self._key_of(token)
            payload = jws.deserialize_compact(token, key, registry=self._registry).payload
            claims = _object("payload", payload)
            self._claims.validate(claims)
        except BadSignatureError:
            raise token_refused("its signature is wrong") from None
        except ExpiredTokenError:
            raise token_refused("it has expired") from None
        except ClaimError as error:
            raise token_refused(
                f"its claim {error.claim} is missing or not accepted here"
            ) from None
        except (JoseError, ValueError, TypeError):
            raise token_refused(
                f"it is not a JWT signed with one of {', '.join(ALGORITHMS)}"
            ) from None
        if not 0 <= claims["exp"] <= _LAST_SECOND:
            raise token_refused("its claim exp is no time")
        if claims["exp"] <= self._now():
            raise token_refused("it has expired")
        return claims

    async def _key_of(self, token: str) -> Key:
        """The issuer's key that the header names. A key in the header itself is ignored."""
        header = _object("header", urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
        if header.get("alg") not in ALGORITHMS:
            raise token_refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
        if _short(str(header.get("typ", ""))) not in map(_short, self._types):
            raise token_refused(f"its type is not {' or '.join(filter(None, self._types))}")
        if "crit" in header:
            raise token_refused("it needs an extension (crit), and none is known here")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise token_refused("it is not signed with a key that the issuer publishes")
        return key


def token_refused(reason: str) -> Refused:
    """The refusal of a token."""
    return Refused(f"The token is refused: {reason}.", problem="unauthenticated")


def _short(type_: str) -> str:
    """A media type without its prefix, as RFC 7515, 4.1.9, allows."""
    return type_.lower().removeprefix("application/")


def _object(part: str, text: bytes) -> dict[str, Any]:
    """A JSON object with one meaning, by the rules of `bodies`. Raises `Refused` if it is none."""
    try:
        value = bodies.read_json(text)
    except ValueError as error:
        raise token_refused(f"it is no JWT: its {part} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise token_refused(f"it is no JWT: its {part} is not an object")
    return value


_AT_JWT: Final = ("at+jwt",)
_ANY_TYPE: Final = ("", "JWT", "at+jwt")
_OF_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash")
"""Claims of ID tokens, which grant no access to an API (OpenID Connect Core, 2 and 3.3)."""
_OTHER_KINDS: Final = frozenset({"id", "refresh", "offline", "logout"})
"""Keycloak's values of the claim `typ` for tokens that are no access tokens."""
_ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
_MOST_TEXT: Final = 512
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Remembered(NamedTuple):
    principal: Principal
    until: float
    edition: int


class TokenVerifier:
    """Gives the principal of a token, or refuses it with the reason. Errors never repeat the token.

    A verified token is cached, by its hash, until it expires or the issuer's keys change, so that the
    signature is not checked for each call.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        audience: str,
        *,
        audience_before: str = "",
        at_jwt_alone: bool = False,
        remembered: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`aud` must hold `audience`, or `audience_before` if given. `at_jwt_alone` requires the type `at+jwt`.

        `remembered` verified tokens are cached.
        """
        self._keys = keys
        self._tokens = IssuerTokens(
            keys,
            [audience, audience_before] if audience_before else [audience],
            _AT_JWT if at_jwt_alone else _ANY_TYPE,
            essential=("exp", "sub"),
            now=now,
        )
        self._capacity = remembered
        self._now = now
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        if len(token) > MOST_CHARACTERS:
            raise token_refused(f"it is longer than {MOST_CHARACTERS} characters")
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._remembered.get(digest)
        if (
            known is not None
            and known.edition == self._keys.edition()
            and self._now() < known.until
        ):
            self._remembered.move_to_end(digest)
            return known.principal
        claims = await self._tokens.claims(token)
        _require_access_token(claims)
        principal = _principal(claims)
        self._remember(digest, principal, float(claims["exp"]))
        return principal

    async def ready(self) -> None:
        await self._keys.check()

    def _remember(self, digest: bytes, principal: Principal, expires_at: float) -> None:
        self._remembered[digest] = _Remembered(principal, expires_at, self._keys.edition())
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)


def _require_access_token(claims: Mapping[str, Any]) -> None:
    """Refuse ID tokens, and all others that the issuer made for something else than access."""
    for claim in (*_OF_ID_TOKENS, "events"):
        if claim in claims:
            raise token_refused(f"it has the claim {claim}, so it is no access token")
    if str(claims.get("typ", "")).lower() in _OTHER_KINDS:
        raise token_refused("its claim typ says that it is no access token")


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = _text(claims, "sub")
    if not subject.strip():
        raise token_refused("its claim sub is empty")
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise token_refused("its claim roles is not a list of names")
    return Principal(
        subject=subject,
        email=_email(claims),
        name=_text(claims, "name") or subject,
        agency=_text(claims, "agency"),
        roles=frozenset(cast("Role", role) for role in roles if role in _ROLES),
    )


def _email(claims: Mapping[str, Any]) -> str:
    """The address, unless the issuer marks it as unverified (OpenID Connect Core, 5.1)."""
    address = _text(claims, "email")
    return "" if claims.get("email_verified") is False else address


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise token_refused(f"its claim {claim} is not a string")
    if len(value) > _MOST_TEXT or _CONTROL.search(value):
        raise token_refused(f"its claim {claim} is too long or holds control characters")
    return value
