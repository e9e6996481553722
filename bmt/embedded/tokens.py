"""Bearer tokens of the evaluation: an EC key in a file, and the claims that services read."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
CURVE: Final = "P-256"
EIGHT_HOURS: Final = 8 * 60 * 60
MAIL_DOMAIN: Final = "mygovuc.gov.my"


@dataclass(frozen=True)
class Holder:
    """Whom a token speaks of.

    Attributes:
        subject: the account, which is a SCIM userName.
        name: of the person.
        agency: the code, or empty.
        roles: of the contract.
    """

    subject: str
    name: str
    agency: str
    roles: Sequence[str]


class Mint:
    """Makes tokens that the issuer's published key verifies."""

    def __init__(self, issuer: str, key: ECKey) -> None:
        self.issuer = issuer
        self._key = key

    def token(
        self,
        holder: Holder,
        *,
        expires_in: int = EIGHT_HOURS,
        audience: str = "bmt",
        nonce: str = "",
    ) -> str:
        """A signed token.

        Args:
            holder: whom it speaks of.
            expires_in: seconds from now; a negative number makes an expired one.
            audience: for whom it is meant.
            nonce: of an ID token: what the application that asked for it will know it by.
        """
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "iat": min(now, now + expires_in),
            "exp": now + expires_in,
            "sub": holder.subject,
            "email": _email(holder.subject),
            "name": holder.name,
            "agency": holder.agency,
            "roles": list(holder.roles),
        }
        if nonce:
            claims["nonce"] = nonce
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}
        return jwt.encode(header, claims, self._key)

    def public_keys(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517) that verifies them."""
        public = self._key.as_dict(private=False)
        return {"keys": [public | {"alg": ALGORITHM, "use": "sig"}]}


def mint(issuer: str, key_file: Path) -> Mint:
    """A mint with the key of that file, which is made if it is not there."""
    if not key_file.exists():
        _make_key(key_file)
    return Mint(issuer, ECKey.import_key(json.loads(key_file.read_text())))


def _make_key(file: Path) -> None:
    key = ECKey.generate_key(CURVE, auto_kid=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(key.as_dict(private=True)))
    aside.rename(file)


def _email(subject: str) -> str:
    return subject if "@" in subject else f"{subject}@{MAIL_DOMAIN}"
