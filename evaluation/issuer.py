"""The evaluation's token issuer: OIDC discovery, public keys, a login without passwords, and its tokens.

`bmt token` makes tokens with the same key (an EC key in a file). Services verify them as they verify those of an agency's
own issuer. The server is `issuer_server`.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from bmt.chassis.runtime import settings
from evaluation.layout import accounts_file
from evaluation.ports import HOST, answers
from evaluation.supervisor import Program

API_AUDIENCE: Final = "bmt-api"
"""The API's name; no application uses it as its own."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS: Final = 120

ALGORITHM: Final = "ES256"
CURVE: Final = "P-256"
EIGHT_HOURS: Final = 8 * 60 * 60
MAIL_DOMAIN: Final = "mygovuc.gov.my"


@dataclass(frozen=True)
class Holder:
    """Whom a token is for.

    Attributes:
        subject: the account, which is a SCIM userName.
        agency: the code, or empty.
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
        audience: str = API_AUDIENCE,
    ) -> str:
        """An access token (RFC 9068); a negative `expires_in` (seconds) makes an expired one."""
        claims = {**self._times(expires_in), **_about(holder), "aud": audience}
        return self._signed("at+jwt", claims)

    def id_token(
        self, holder: Holder, client_id: str, *, sid: str, nonce: str, access_token: str
    ) -> str:
        """An ID token (OpenID Connect Core, 2) for the application; `nonce` may be empty."""
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            **self._times(EIGHT_HOURS),
            **_about(holder),
            "aud": client_id,
            "sid": sid,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **({"nonce": nonce} if nonce else {}),
        }
        return self._signed("JWT", claims)

    def logout_token(self, client_id: str, *, subject: str, sid: str = "") -> str:
        """A logout token (OpenID Connect Back-Channel Logout 1.0, 2.4).

        Without a `sid` all sessions of the subject ended.
        """
        claims = {
            **self._times(LOGOUT_SECONDS),
            "sub": subject,
            "aud": client_id,
            "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
            **({"sid": sid} if sid else {}),
        }
        return self._signed("logout+jwt", claims)

    def read(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a token of ours, even if expired; None: it is none."""
        try:
            return jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None

    def public_keys(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517) that verifies them."""
        public = self._key.as_dict(private=False)
        return {"keys": [public | {"alg": ALGORITHM, "use": "sig"}]}

    def _times(self, expires_in: int) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.issuer, "iat": min(now, now + expires_in), "exp": now + expires_in}

    def _signed(self, type_: str, claims: dict[str, Any]) -> str:
        header = {"alg": ALGORITHM, "typ": type_, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key)


def mint(issuer: str, key_file: Path) -> Mint:
    """A mint with the key of that file, which is made if it is missing."""
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


def _about(holder: Holder) -> dict[str, Any]:
    return {
        "sub": holder.subject,
        "email": _email(holder.subject),
        "name": holder.name,
        "agency": holder.agency,
        "roles": list(holder.roles),
    }


def _email(subject: str) -> str:
    return subject if "@" in subject else f"{subject}@{MAIL_DOMAIN}"


ADMINISTRATORS: Final = {
    "MAMPU": f"aminah.mampu@{MAIL_DOMAIN}",
    "JPA": f"faridah.jpa@{MAIL_DOMAIN}",
    "KPM": f"zainab.kpm@{MAIL_DOMAIN}",
}
"""The UC administrator of each agency."""


INTEGRATOR: Final = "hrmis"
"""The sample integrator; a token's `sub` is the integrator's name."""


def samples() -> list[Holder]:
    """One holder for each role."""
    return [
        holder(["applicant"], "MAMPU", f"siti.mampu@{MAIL_DOMAIN}"),
        administrator("MAMPU"),
        administrator("JPA"),
        holder(["agency_manager"], "MAMPU", f"ravi.mampu@{MAIL_DOMAIN}"),
        holder(["operator"], "JPA"),
        holder(["auditor"], "MAMPU"),
        holder(["integrator"], "MAMPU"),
    ]


def administrator(agency: str) -> Holder:
    """The UC administrator of a sample agency."""
    return holder(["administrator"], agency, ADMINISTRATORS[agency])


def holder(roles: Sequence[str], agency: str = "", subject: str | None = None) -> Holder:
    """Somebody with these roles; without a subject, one named after the first role."""
    account = subject or _made_up(roles[0], agency)
    return Holder(account, _names().get(account, account), agency, roles)


def _made_up(role: str, agency: str) -> str:
    if role == "integrator":
        return INTEGRATOR
    return f"{'.'.join(filter(None, (role, agency.lower())))}@{MAIL_DOMAIN}"


def _names() -> dict[str, str]:
    accounts = settings.read_yaml(accounts_file().read_text(encoding="utf-8"))
    return {each["userName"]: each["displayName"] for each in accounts}


DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Issuer:
    """One issuer; `key` is the file of its private key."""

    key: Path
    port: int

    @property
    def url(self) -> str:
        """The `iss` of its tokens."""
        return f"http://{HOST}:{self.port}"

    def mint(self) -> Mint:
        """It works whether or not the process runs."""
        return mint(self.url, self.key)

    def program(self) -> Program:
        return Program(
            name="issuer",
            command=(
                *(sys.executable, "-m", "evaluation.issuer_server"),
                *("--port", str(self.port), "--key", str(self.key)),
            ),
            prepare=self._prepare,
            ready=self._ready,
        )

    async def _prepare(self) -> None:
        self.mint()  # before the start, so that `bmt token` and the process never make the key concurrently

    async def _ready(self) -> bool:
        return await answers(self.url + DISCOVERY)
