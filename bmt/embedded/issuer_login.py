"""Signing in at the evaluation's issuer: as whoever one says to be, without a password.

The rest is what an agency's own issuer does: OpenID Connect's code flow with PKCE. Only applications on
this machine are led back to.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bmt.contracts.values import Role
from bmt.embedded.holders import holder, samples
from bmt.embedded.issuer_codes import Codes, Grant
from bmt.embedded.tokens import EIGHT_HOURS, Holder, Mint

AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105  a path

_SEE_OTHER: Final = 303
_CARRIED: Final = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
"""What the application asked with: the form carries it on."""
_HERE: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/\S*")
_PAGES: Final = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
)


def routes(minter: Mint) -> list[Route]:
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
            holder=_chosen(form),
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            nonce=asked["nonce"],
        )
        return _led_back(asked, code=codes.new(grant))

    async def exchanged(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        grant = codes.exchange(
            form.get("code", ""),
            form.get("client_id", ""),
            form.get("redirect_uri", ""),
            form.get("code_verifier", ""),
        )
        if form.get("grant_type") != "authorization_code" or grant is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {
                "access_token": minter.token(grant.holder),
                "id_token": minter.token(grant.holder, audience=grant.client_id, nonce=grant.nonce),
                "token_type": "Bearer",
                "expires_in": EIGHT_HOURS,
            },
            headers={"Cache-Control": "no-store"},
        )

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
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "profile", "email"],
    }


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _CARRIED}


def _refused(asked: Mapping[str, str]) -> Response | None:
    """Nobody is led to where this machine is not; an application hears what it did wrong."""
    if not _HERE.fullmatch(asked["redirect_uri"]):
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
    page = _PAGES.get_template("login.html")
    return HTMLResponse(
        page.render(asked=asked, people=_people(), roles=get_args(Role)),
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        },
    )


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
