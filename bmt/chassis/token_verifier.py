"""Verifies bearer tokens of the issuer (OIDC; RFC 7519, with the advice of RFC 8725)."""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, cast, get_args

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key

from bmt.chassis.auth import Principal
from bmt.chassis.issuer_keys import IssuerKeys
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Public-key signatures only: never `none`, never HS*, whose key would be the public key."""

_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
_SKEW_SECONDS: Final = 5
"""How far the issuer's clock may be ahead (`nbf`, `iat`)."""


class TokenVerifier:
    """Tells the principal of a token, or refuses it and says why; never repeats the token.

    A verified token is remembered, by its hash, until it expires or for `remember_seconds`, so that
    the signature is not checked for each call.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        audience: str,
        *,
        leeway_seconds: int = 0,
        remembered: int = 10_000,
        remember_seconds: int = 300,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`leeway_seconds` is how long an expired token still passes; nothing connects yet."""
        self._keys = keys
        self._leeway_seconds = leeway_seconds
        self._capacity = remembered
        self._remember_seconds = remember_seconds
        self._now = now
        self._remembered: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=_SKEW_SECONDS,
            iss={"essential": True, "value": keys.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def principal(self, token: str) -> Principal:
        """The principal of a valid token.

        Raises:
            Refused: `unauthenticated`, saying what is wrong.
            Unavailable: the issuer's keys are needed and cannot be had.
        """
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._remembered.get(digest)
        if known is not None and self._now() < known[1]:
            self._remembered.move_to_end(digest)
            return known[0]
        claims = await self._verified(token)
        principal = _principal(claims)
        self._remember(digest, principal, float(claims["exp"]))
        return principal

    async def ready(self) -> None:
        """Returns once tokens can be verified; raises `Unavailable` before."""
        await self._keys.check()

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            key = await self._key_of(token)
            claims = jwt.decode(token, key, registry=self._registry).claims
            self._claims.validate(claims)
        except BadSignatureError:
            raise _refused("its signature is wrong") from None
        except ExpiredTokenError:
            raise _refused("it has expired") from None
        except ClaimError as error:
            raise _refused(f"its claim {error.claim} is missing or not accepted here") from None
        except (JoseError, ValueError, TypeError):
            raise _refused(f"it is not a JWT signed with one of {', '.join(ALGORITHMS)}") from None
        if claims["exp"] + self._leeway_seconds <= self._now():
            raise _refused("it has expired")
        return claims

    async def _key_of(self, token: str) -> Key:
        header = jws.extract_compact(token.encode("ascii"), registry=self._registry).headers()
        if header["alg"] not in ALGORITHMS:
            raise _refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise _refused("its type is not JWT or at+jwt")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise _refused("it is not signed with a key that the issuer publishes")
        return key

    def _remember(self, digest: bytes, principal: Principal, expires_at: float) -> None:
        until = min(expires_at + self._leeway_seconds, self._now() + self._remember_seconds)
        self._remembered[digest] = (principal, until)
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)


def _principal(claims: dict[str, Any]) -> Principal:
    subject = _text(claims, "sub")
    if not subject.strip():
        raise _refused("its claim sub is empty")
    roles = claims.get("roles", [])
    if not isinstance(roles, list):
        raise _refused("its claim roles is not a list")
    return Principal(
        subject=subject,
        email=_text(claims, "email"),
        name=_text(claims, "name") or subject,
        agency=_text(claims, "agency"),
        roles=frozenset(cast("Role", role) for role in roles if role in _ROLES),
    )


def _text(claims: dict[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise _refused(f"its claim {claim} is not a string")
    return value


def _refused(reason: str) -> Refused:
    return Refused(f"The token is refused: {reason}.", problem="unauthenticated")
