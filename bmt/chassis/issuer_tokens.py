"""Tokens that the issuer signed: signature, header and time (RFC 7519, with the advice of RFC 8725)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key
from joserfc.jwt import ClaimsOption
from joserfc.util import urlsafe_b64decode

from bmt.chassis import strict_json
from bmt.chassis.issuer_keys import IssuerKeys
from bmt.contracts.problems import Refused

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Public-key signatures only: never `none`, never HS*, whose key would be the public key."""

MOST_CHARACTERS: Final = 16 * 1024
"""What is longer is no token, and not looked at."""

SKEW_SECONDS: Final = 5
"""How far the issuer's clock may be ahead (`nbf`, `iat`)."""
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: later times are no times."""


class IssuerTokens:
    """Reads tokens of one kind, for one audience or several; never repeats the token."""

    def __init__(
        self,
        keys: IssuerKeys,
        audiences: Sequence[str],
        types: Sequence[str],
        *,
        essential: Sequence[str] = ("exp",),
        leeway_seconds: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing connects yet.

        Args:
            keys: the issuer's.
            audiences: one of them must be in `aud`.
            types: what the header's `typ` may be; an empty one: it may be missing.
            essential: claims that must be there beside `iss` and `aud`.
            leeway_seconds: how long an expired token still passes.
            now: the time, in seconds.
        """
        self._keys = keys
        self._types = types
        self._leeway_seconds = leeway_seconds
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
        """What a valid token says.

        Raises:
            Refused: `unauthenticated`, saying what is wrong.
            Unavailable: the issuer's keys are needed and cannot be had.
        """
        if len(token) > MOST_CHARACTERS:
            raise refused(f"it is longer than {MOST_CHARACTERS} characters")
        try:
            key = await self._key_of(token)
            payload = jws.deserialize_compact(token, key, registry=self._registry).payload
            claims = _object("payload", payload)
            self._claims.validate(claims)
        except BadSignatureError:
            raise refused("its signature is wrong") from None
        except ExpiredTokenError:
            raise refused("it has expired") from None
        except ClaimError as error:
            raise refused(f"its claim {error.claim} is missing or not accepted here") from None
        except (JoseError, ValueError, TypeError):
            raise refused(f"it is not a JWT signed with one of {', '.join(ALGORITHMS)}") from None
        if not 0 <= claims["exp"] <= _LAST_SECOND:
            raise refused("its claim exp is no time")
        if claims["exp"] + self._leeway_seconds <= self._now():
            raise refused("it has expired")
        return claims

    async def _key_of(self, token: str) -> Key:
        """The issuer's key that the header names; a key in the header itself is never looked at."""
        header = _object("header", urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
        if header.get("alg") not in ALGORITHMS:
            raise refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
        if _short(str(header.get("typ", ""))) not in map(_short, self._types):
            raise refused(f"its type is not {' or '.join(filter(None, self._types))}")
        if "crit" in header:
            raise refused("it needs an extension (crit), and none is known here")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise refused("it is not signed with a key that the issuer publishes")
        return key


def refused(reason: str) -> Refused:
    """What a token is refused with."""
    return Refused(f"The token is refused: {reason}.", problem="unauthenticated")


def _short(type_: str) -> str:
    """A media type as RFC 7515, 4.1.9, lets it be shortened."""
    return type_.lower().removeprefix("application/")


def _object(part: str, text: bytes) -> dict[str, Any]:
    """A JSON object with one meaning: no name twice, nothing that only some readers take.

    Raises:
        Refused: it is none.
    """
    try:
        value = strict_json.read(text)
    except ValueError as error:
        raise refused(f"it is no JWT: its {part} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise refused(f"it is no JWT: its {part} is not an object")
    return value
