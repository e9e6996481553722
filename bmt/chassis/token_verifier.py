"""Verifies bearer tokens of the issuer (OIDC; RFC 7519, with the advice of RFC 8725)."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast, get_args

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

from bmt.chassis import strict_json
from bmt.chassis.auth import Principal
from bmt.chassis.issuer_keys import IssuerKeys
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Public-key signatures only: never `none`, never HS*, whose key would be the public key."""

MOST_CHARACTERS: Final = 16 * 1024
"""What is longer is no token, and not looked at."""

_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
_SKEW_SECONDS: Final = 5
"""How far the issuer's clock may be ahead (`nbf`, `iat`)."""
_MOST_TEXT: Final = 512
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: later times are no times."""
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
        leeway_seconds: int = 0,
        remembered: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`leeway_seconds` is how long an expired token still passes; nothing connects yet."""
        self._keys = keys
        self._leeway_seconds = leeway_seconds
        self._capacity = remembered
        self._now = now
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
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
        if len(token) > MOST_CHARACTERS:
            raise _refused(f"it is longer than {MOST_CHARACTERS} characters")
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._remembered.get(digest)
        if (
            known is not None
            and known.edition == self._keys.edition()
            and self._now() < known.until
        ):
            self._remembered.move_to_end(digest)
            return known.principal
        claims = await self._verified(token)
        principal = _principal(claims)
        self._remember(digest, principal, float(claims["exp"]))
        return principal

    async def ready(self) -> None:
        """Returns once tokens can be verified; raises `Unavailable` before."""
        await self._keys.check()

    async def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            key = await self._key_of(token)
            payload = jws.deserialize_compact(token, key, registry=self._registry).payload
            claims = _object("payload", payload)
            self._claims.validate(claims)
        except BadSignatureError:
            raise _refused("its signature is wrong") from None
        except ExpiredTokenError:
            raise _refused("it has expired") from None
        except ClaimError as error:
            raise _refused(f"its claim {error.claim} is missing or not accepted here") from None
        except (JoseError, ValueError, TypeError):
            raise _refused(f"it is not a JWT signed with one of {', '.join(ALGORITHMS)}") from None
        if not 0 <= claims["exp"] <= _LAST_SECOND:
            raise _refused("its claim exp is no time")
        if claims["exp"] + self._leeway_seconds <= self._now():
            raise _refused("it has expired")
        return claims

    async def _key_of(self, token: str) -> Key:
        """The issuer's key that the header names; a key in the header itself is never looked at."""
        header = _object("header", urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
        if header.get("alg") not in ALGORITHMS:
            raise _refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise _refused("its type is not JWT or at+jwt")
        if "crit" in header:
            raise _refused("it needs an extension (crit), and none is known here")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise _refused("it is not signed with a key that the issuer publishes")
        return key

    def _remember(self, digest: bytes, principal: Principal, expires_at: float) -> None:
        until = expires_at + self._leeway_seconds
        self._remembered[digest] = _Remembered(principal, until, self._keys.edition())
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)


def _object(part: str, text: bytes) -> dict[str, Any]:
    """A JSON object with one meaning: no name twice, nothing that only some readers take.

    Raises:
        Refused: it is none.
    """
    try:
        value = strict_json.read(text)
    except ValueError as error:
        raise _refused(f"it is no JWT: its {part} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise _refused(f"it is no JWT: its {part} is not an object")
    return value


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = _text(claims, "sub")
    if not subject.strip():
        raise _refused("its claim sub is empty")
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise _refused("its claim roles is not a list of names")
    return Principal(
        subject=subject,
        email=_text(claims, "email"),
        name=_text(claims, "name") or subject,
        agency=_text(claims, "agency"),
        roles=frozenset(cast("Role", role) for role in roles if role in _ROLES),
    )


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise _refused(f"its claim {claim} is not a string")
    if len(value) > _MOST_TEXT or _CONTROL.search(value):
        raise _refused(f"its claim {claim} is too long or holds control characters")
    return value


def _refused(reason: str) -> Refused:
    return Refused(f"The token is refused: {reason}.", problem="unauthenticated")
