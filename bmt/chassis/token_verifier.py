"""Verifies bearer tokens of the issuer (OIDC access tokens: RFC 9068)."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast, get_args

from bmt.chassis.auth import Principal
from bmt.chassis.issuer_keys import IssuerKeys
from bmt.chassis.issuer_tokens import MOST_CHARACTERS, IssuerTokens, refused
from bmt.contracts.values import Role

_AT_JWT: Final = ("at+jwt",)
_ANY_TYPE: Final = ("", "JWT", "at+jwt")
_OF_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash")
"""Claims that are an ID token's, and tell the one who signed in nothing of the API (OpenID Connect Core, 2 and 3.3)."""
_OTHER_KINDS: Final = frozenset({"id", "refresh", "offline", "logout"})
"""What Keycloak's claim `typ` calls tokens that are no access tokens."""
_ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
_MOST_TEXT: Final = 512
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Remembered(NamedTuple):
    principal: Principal
    until: float
    edition: int


class TokenVerifier:
    """Tells the principal of a token, or refuses it and says why; never repeats the token.

    A verified token is remembered, by its hash, until it expires or the issuer's keys change, so
    that the signature is not checked for each call.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        audience: str,
        *,
        audience_before: str = "",
        at_jwt_alone: bool = False,
        leeway_seconds: int = 0,
        remembered: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing connects yet.

        Args:
            keys: the issuer's.
            audience: what `aud` must hold.
            audience_before: what it may hold in its place; empty: nothing.
            at_jwt_alone: whether the header's `typ` must be `at+jwt`.
            leeway_seconds: how long an expired token still passes.
            remembered: how many verified tokens are remembered.
            now: the time, in seconds.
        """
        self._keys = keys
        self._tokens = IssuerTokens(
            keys,
            [audience, audience_before] if audience_before else [audience],
            _AT_JWT if at_jwt_alone else _ANY_TYPE,
            essential=("exp", "sub"),
            leeway_seconds=leeway_seconds,
            now=now,
        )
        self._leeway_seconds = leeway_seconds
        self._capacity = remembered
        self._now = now
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """The principal of a valid token.

        Raises:
            Refused: `unauthenticated`, saying what is wrong.
            Unavailable: the issuer's keys are needed and cannot be had.
        """
        if len(token) > MOST_CHARACTERS:
            raise refused(f"it is longer than {MOST_CHARACTERS} characters")
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
        """Returns once tokens can be verified; raises `Unavailable` before."""
        await self._keys.check()

    def _remember(self, digest: bytes, principal: Principal, expires_at: float) -> None:
        until = expires_at + self._leeway_seconds
        self._remembered[digest] = _Remembered(principal, until, self._keys.edition())
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)


def _require_access_token(claims: Mapping[str, Any]) -> None:
    """An ID token says who signed in, to an application; it lets nobody in here.

    Raises:
        Refused: the issuer made the token for something else.
    """
    for claim in (*_OF_ID_TOKENS, "events"):
        if claim in claims:
            raise refused(f"it has the claim {claim}, so it is no access token")
    if str(claims.get("typ", "")).lower() in _OTHER_KINDS:
        raise refused("its claim typ says that it is no access token")


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = _text(claims, "sub")
    if not subject.strip():
        raise refused("its claim sub is empty")
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise refused("its claim roles is not a list of names")
    return Principal(
        subject=subject,
        email=_email(claims),
        name=_text(claims, "name") or subject,
        agency=_text(claims, "agency"),
        roles=frozenset(cast("Role", role) for role in roles if role in _ROLES),
    )


def _email(claims: Mapping[str, Any]) -> str:
    """The address, unless the issuer says that anybody could have written it (OpenID Connect Core, 5.1)."""
    address = _text(claims, "email")
    return "" if claims.get("email_verified") is False else address


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise refused(f"its claim {claim} is not a string")
    if len(value) > _MOST_TEXT or _CONTROL.search(value):
        raise refused(f"its claim {claim} is too long or holds control characters")
    return value
