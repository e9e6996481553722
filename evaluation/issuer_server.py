"""The server of the evaluation's issuer: `python -m evaluation.issuer_server --port N --key FILE`.

Whoever logs in chooses an account, without a password; the rest is what an agency's own issuer does: OpenID Connect's
code flow with PKCE (RFC 7636). Only applications on this machine are redirected to.

At the logout, the session of the ID token ends; without one, all sessions of the account. The applications of ended
sessions are notified before the redirect.
"""

import argparse
import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlencode

import httpx
import structlog
import uvicorn
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bmt.contracts.values import Role
from evaluation.issuer import ALGORITHM, DISCOVERY, Holder, Issuer, Mint, holder, samples
from evaluation.ports import HOST

_CALLBACK: Final = "/login/callback"
_BACK_CHANNEL: Final = "/backchannel-logout"


@dataclass
class Session:
    """One browser's session; `applications` are client ids with their back-channel logout addresses."""

    sid: str
    subject: str
    applications: set[tuple[str, str]] = field(default_factory=set)


class Sessions:
    """The open sessions. All sessions of an account have what its holder typed at the last login."""

    def __init__(self) -> None:
        self._holders: dict[str, Holder] = {}
        self._sessions: dict[str, Session] = {}
        self._refresh_tokens: dict[str, tuple[str, str]] = {}

    def begin(self, holder: Holder, sid_before: str) -> str:
        """The `sid` of the session; the browser's earlier one continues for the same person."""
        self._holders[holder.subject] = holder
        before = self._sessions.get(sid_before)
        if before is not None and before.subject == holder.subject:
            return before.sid
        session = Session(secrets.token_urlsafe(16), holder.subject)
        self._sessions[session.sid] = session
        return session.sid

    def holder(self, sid: str) -> Holder | None:
        session = self._sessions.get(sid)
        return self._holders[session.subject] if session else None

    def joined(self, sid: str, client_id: str, redirect_uri: str) -> None:
        """An application signed in. Its back-channel logout address is beside its redirect address."""
        address, callback, _ = redirect_uri.partition(_CALLBACK)
        if callback and sid in self._sessions:
            self._sessions[sid].applications.add((client_id, address + _BACK_CHANNEL))

    def refresh_token(self, sid: str, client_id: str) -> str:
        """A new token, good for one use."""
        token = secrets.token_urlsafe(32)
        self._refresh_tokens[token] = (sid, client_id)
        return token

    def refreshed(self, token: str, client_id: str) -> str | None:
        """The `sid` of a refresh token; None: it is unknown, used, or another application's."""
        sid, owner = self._refresh_tokens.pop(token, ("", ""))
        return sid if sid in self._sessions and owner == client_id else None

    def end(self, sid: str) -> Session | None:
        tokens = self._refresh_tokens.items()
        self._refresh_tokens = {token: of for token, of in tokens if of[0] != sid}
        return self._sessions.pop(sid, None)

    def end_all(self, subject: str) -> list[Session]:
        sids = [sid for sid, session in self._sessions.items() if session.subject == subject]
        return [session for sid in sids if (session := self.end(sid))]


HERE: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/\S*")
"""An application on this machine."""

_PAGES: Final = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def page(template: str, **context: Any) -> HTMLResponse:
    """Renders one of the pages."""
    return HTMLResponse(_PAGES.get_template(template).render(**context), headers=_HEADERS)


SECONDS: Final = 60.0


@dataclass(frozen=True)
class Grant:
    """What a code stands for.

    Attributes:
        sid: the session that was signed in.
        challenge: base64url of the SHA-256 of the application's verifier.
        nonce: the application's, for the ID token; may be empty.
    """

    sid: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str


class Codes:
    """The codes that are not exchanged yet; each is good for one exchange within a minute."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._open: dict[str, tuple[Grant, float]] = {}

    def new(self, grant: Grant) -> str:
        now = self._monotonic()
        self._open = {code: entry for code, entry in self._open.items() if entry[1] > now}
        code = secrets.token_urlsafe(32)
        self._open[code] = (grant, now + SECONDS)
        return code

    def exchange(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Grant | None:
        """What the code stands for; None: it is unknown, used, too old, or another application's."""
        grant, until = self._open.pop(code, (None, 0.0))
        if grant is None or until <= self._monotonic():
            return None
        sent = (client_id, redirect_uri, _challenge(verifier))
        return grant if sent == (grant.client_id, grant.redirect_uri, grant.challenge) else None


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105  a path

_CARRIED: Final = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
"""The application's parameters, which the form carries on."""
ROLES: Final[Mapping[Role, tuple[str, str]]] = {
    "applicant": ("Pemohon", "Applicant"),
    "administrator": ("Pentadbir", "Administrator"),
    "agency_manager": ("Pengurus agensi", "Agency manager"),
    "operator": ("Operator", "Operator"),
    "auditor": ("Juruaudit", "Auditor"),
    "integrator": ("Sistem agensi", "Agency's system"),
}
"""In Malay and in English."""
_AREA: Final = "bmt_area"
AREAS: Final[Mapping[str, tuple[str, str, Role]]] = {
    "/my": ("Permohonan saya", "My requests", "applicant"),
    "/console": ("Konsol pentadbir", "Administrators' console", "administrator"),
    "/audit": ("Rekod dan audit", "Records and audit", "auditor"),
    "/health": ("Kesihatan sistem", "System health", "operator"),
}
"""Our pages, and who may use them."""
ACCESS_SECONDS: Final = 15 * 60
"""The life of an application's access token, which the refresh token renews."""
_NO_STORE: Final = {"Cache-Control": "no-store"}
_BROWSER: Final = "issuer_session"
"""The cookie that tells browsers apart; the form is shown all the same."""


def login_routes(minter: Mint, sessions: Sessions) -> list[Route]:
    """The login page, and the exchange of codes and refresh tokens."""
    codes = Codes()

    async def shown(request: Request) -> Response:
        params = _authorization_params(request.query_params)
        return _refused(params) or _form(params, request.query_params.get(_AREA, ""))

    async def signed_in(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        params = _authorization_params(form)
        if refused := _refused(params):
            return refused
        grant = Grant(
            sid=sessions.begin(_chosen(form), request.cookies.get(_BROWSER, "")),
            client_id=params["client_id"],
            redirect_uri=params["redirect_uri"],
            challenge=params["code_challenge"],
            nonce=params["nonce"],
        )
        answer = _redirect_back(params, code=codes.new(grant))
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
        holder = sessions.holder(granted[0]) if granted else None
        if granted is None or holder is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(tokens(holder, form["client_id"], *granted), headers=_NO_STORE)

    def tokens(holder: Holder, client_id: str, sid: str, nonce: str) -> dict[str, Any]:
        access_token = minter.token(holder, expires_in=ACCESS_SECONDS)
        return {
            "access_token": access_token,
            "id_token": minter.id_token(
                holder, client_id, sid=sid, nonce=nonce, access_token=access_token
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


def login_discovery(issuer: str) -> dict[str, object]:
    """Its part of the discovery document."""
    return {
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "profile", "email"],
    }


def _authorization_params(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _CARRIED}


def _refused(params: Mapping[str, str]) -> Response | None:
    """Never redirects away from this machine; an application's mistake is answered to it."""
    if not HERE.fullmatch(params["redirect_uri"]):
        return HTMLResponse("redirect_uri must be an http address of this machine\n", 400)
    pkce = params["code_challenge"] and params["code_challenge_method"] == "S256"
    if params["response_type"] != "code" or not params["client_id"] or not pkce:
        return _redirect_back(params, error="invalid_request")
    return None


def _redirect_back(params: Mapping[str, str], **answer: str) -> Response:
    query = urlencode({**answer, "state": params["state"]})
    joint = "&" if "?" in params["redirect_uri"] else "?"
    return RedirectResponse(f"{params['redirect_uri']}{joint}{query}", _SEE_OTHER)


def _form(params: Mapping[str, str], area: str) -> Response:
    return page("login.html", params=params, people=_people(), names=ROLES, area=AREAS.get(area))


def _people() -> Sequence[Holder]:
    """The accounts offered: an auditor of all agencies first."""
    return [holder(["auditor"]), *samples()]


def _chosen(form: Mapping[str, str]) -> Holder:
    """One of the accounts offered, or the one typed."""
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


KEYS: Final = "/keys"


END_SESSION: Final = "/end-session"

_SEE_OTHER: Final = 303
_SECONDS: Final = 3.0

log = structlog.get_logger()


def logout_routes(minter: Mint, sessions: Sessions) -> list[Route]:
    """The logout page, which applications redirect to."""

    async def end_session(request: Request) -> Response:
        params = {name: str(value) for name, value in (await _parameters(request)).items()}
        hint = _hint(minter, params)
        if hint is not None:
            ended = sessions.end(str(hint.get("sid", "")))
            await _notify(minter, [ended] if ended else [], everywhere=False)
            return _redirect_after_logout(params) or page("logout.html", done=True)
        account = params.get("account", "").strip()
        if request.method == "POST" and account:
            await _notify(minter, sessions.end_all(account), everywhere=True)
            return page("logout.html", done=True)
        return page("logout.html", done=False)

    return [Route(END_SESSION, end_session, methods=["GET", "POST"])]


def logout_discovery(issuer: str) -> dict[str, object]:
    """Its part of the discovery document."""
    return {
        "end_session_endpoint": issuer + END_SESSION,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


async def _parameters(request: Request) -> Any:
    return request.query_params if request.method == "GET" else await request.form()


def _hint(minter: Mint, params: dict[str, str]) -> Any:
    """The claims of the ID token; None: there is none of ours, or it is another application's."""
    claims = minter.read(params.get("id_token_hint", ""))
    if claims is None or params.get("client_id", claims.get("aud")) != claims.get("aud"):
        return None
    return claims


def _redirect_after_logout(params: dict[str, str]) -> Response | None:
    """Never redirects away from this machine."""
    address = params.get("post_logout_redirect_uri", "")
    if not HERE.fullmatch(address):
        return None
    state = urlencode({"state": params["state"]}) if params.get("state") else ""
    joint = ("&" if "?" in address else "?") if state else ""
    return RedirectResponse(f"{address}{joint}{state}", _SEE_OTHER)


async def _notify(minter: Mint, ended: Sequence[Session], *, everywhere: bool) -> None:
    """Notify each application of the sessions' end, without waiting long for an answer."""
    tokens = {
        (
            address,
            minter.logout_token(client, subject=one.subject, sid="" if everywhere else one.sid),
        )
        for one in ended
        for client, address in one.applications
    }
    async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS) as client:
        await asyncio.gather(*(_post(client, *one) for one in tokens))


async def _post(client: httpx.AsyncClient, address: str, token: str) -> None:
    try:
        answer = await client.post(address, data={"logout_token": token})
        answer.raise_for_status()
    except httpx.HTTPError as error:
        log.warning("application_not_told", error=type(error).__name__)


def application(minter: Mint) -> Starlette:
    """Discovery, keys, login and logout."""
    issuer = minter.issuer
    discovery = {
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        **login_discovery(issuer),
        **logout_discovery(issuer),
    }

    async def answer_discovery(_: Request) -> JSONResponse:
        return JSONResponse(discovery)

    async def answer_keys(_: Request) -> JSONResponse:
        return JSONResponse(minter.public_keys())

    documents = [Route(DISCOVERY, answer_discovery), Route(KEYS, answer_keys)]
    sessions = Sessions()
    people = [*login_routes(minter, sessions), *logout_routes(minter, sessions)]
    return Starlette(routes=[*documents, *people])


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.issuer_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True)
    chosen = parser.parse_args()
    app = application(Issuer(chosen.key, chosen.port).mint())
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
