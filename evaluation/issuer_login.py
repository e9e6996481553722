"""The pages of the evaluation's issuer, and whom they lead back to."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bmt.contracts.values import Role
from evaluation.holders import holder, samples
from evaluation.issuer_sessions import Sessions
from evaluation.tokens import Holder, Mint

HERE: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/\S*")
"""An application of this machine: nobody is led anywhere else."""

_PAGES: Final = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def page(template: str, **told: Any) -> HTMLResponse:
    """One of them."""
    return HTMLResponse(_PAGES.get_template(template).render(**told), headers=_HEADERS)


# The codes of OpenID Connect's code flow: good for one exchange, for a minute, by who began it (RFC 7636).


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


# Signing in at the evaluation's issuer: as whoever one says to be, without a password.
#
# The rest is what an agency's own issuer does: OpenID Connect's code flow with PKCE. Only applications on
# this machine are led back to.


AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105  a path

_SEE_OTHER: Final = 303
_CARRIED: Final = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
"""What the application asked with: the form carries it on."""
ACCESS_SECONDS: Final = 15 * 60
"""How long an access token of an application lasts: it is renewed with the refresh token."""
_NO_STORE: Final = {"Cache-Control": "no-store"}
_BROWSER: Final = "issuer_session"
"""The cookie that tells one browser's sign-ins from another's; it saves nobody a form."""


def routes(minter: Mint, sessions: Sessions) -> list[Route]:
    """Where people sign in, and where applications exchange what they are given."""
    codes = Codes()

    async def shown(request: Request) -> Response:
        asked = _asked(request.query_params)
        return _refused(asked) or _form(asked)

    async def signed_in(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked = _asked(form)
        if refused := _refused(asked):
            return refused
        grant = Grant(
            sid=sessions.begin(_chosen(form), request.cookies.get(_BROWSER, "")),
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            nonce=asked["nonce"],
        )
        answer = _led_back(asked, code=codes.new(grant))
        answer.set_cookie(_BROWSER, grant.sid, httponly=True, samesite="lax")
        return answer

    def by_code(form: Mapping[str, str]) -> tuple[str, str] | None:
        grant = codes.exchange(
            form.get("code", ""),
            form.get("client_id", ""),
            form.get("redirect_uri", ""),
            form.get("code_verifier", ""),
        )
        if grant is None:
            return None
        sessions.joined(grant.sid, grant.client_id, grant.redirect_uri)
        return grant.sid, grant.nonce

    def by_refresh_token(form: Mapping[str, str]) -> tuple[str, str] | None:
        sid = sessions.refreshed(form.get("refresh_token", ""), form.get("client_id", ""))
        return (sid, "") if sid else None

    grants = {"authorization_code": by_code, "refresh_token": by_refresh_token}

    async def exchanged(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        grant = grants.get(form.get("grant_type", ""))
        granted = grant(form) if grant else None
        whom = sessions.holder(granted[0]) if granted else None
        if granted is None or whom is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(tokens(whom, form["client_id"], *granted), headers=_NO_STORE)

    def tokens(whom: Holder, client_id: str, sid: str, nonce: str) -> dict[str, Any]:
        access_token = minter.token(whom, expires_in=ACCESS_SECONDS)
        return {
            "access_token": access_token,
            "id_token": minter.id_token(
                whom, client_id, sid=sid, nonce=nonce, access_token=access_token
            ),
            "refresh_token": sessions.refresh_token(sid, client_id),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
        }

    return [
        Route(AUTHORIZE, shown, methods=["GET"]),
        Route(AUTHORIZE, signed_in, methods=["POST"]),
        Route(TOKEN, exchanged, methods=["POST"]),
    ]


def discovery(issuer: str) -> dict[str, object]:
    """What discovery says of it."""
    return {
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "profile", "email"],
    }


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _CARRIED}


def _refused(asked: Mapping[str, str]) -> Response | None:
    """Nobody is led to where this machine is not; an application hears what it did wrong."""
    if not HERE.fullmatch(asked["redirect_uri"]):
        return HTMLResponse("redirect_uri must be an http address of this machine\n", 400)
    pkce = asked["code_challenge"] and asked["code_challenge_method"] == "S256"
    if asked["response_type"] != "code" or not asked["client_id"] or not pkce:
        return _led_back(asked, error="invalid_request")
    return None


def _led_back(asked: Mapping[str, str], **told: str) -> Response:
    query = urlencode({**told, "state": asked["state"]})
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{joint}{query}", _SEE_OTHER)


def _form(asked: Mapping[str, str]) -> Response:
    return page("login.html", asked=asked, people=_people(), roles=get_args(Role))


def _people() -> Sequence[Holder]:
    """Those who are offered: an auditor of all agencies first."""
    return [holder(["auditor"]), *samples()]


def _chosen(form: Mapping[str, str]) -> Holder:
    """One of those who are offered, or whoever was written down."""
    for number, person in enumerate(_people()):
        if form.get("person") == str(number):
            return person
    roles = [role for role in get_args(Role) if form.get(f"role_{role}")]
    return Holder(
        form.get("account", "").strip() or "nobody",
        form.get("name", "").strip() or form.get("account", ""),
        form.get("agency", "").strip(),
        roles,
    )
