"""Signing out at the evaluation's issuer.

With an ID token that session ends; without one, all sessions of the account. The applications of ended sessions
are notified before the redirect.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from evaluation.issuer_login import HERE, Session, Sessions, page
from evaluation.tokens import Mint

END_SESSION: Final = "/end-session"

_SEE_OTHER: Final = 303
_SECONDS: Final = 3.0

log = structlog.get_logger()


def routes(minter: Mint, sessions: Sessions) -> list[Route]:
    """The logout page, which applications redirect to."""

    async def end_session(request: Request) -> Response:
        asked = {name: str(value) for name, value in (await _parameters(request)).items()}
        hint = _hint(minter, asked)
        if hint is not None:
            ended = sessions.end(str(hint.get("sid", "")))
            await _tell(minter, [ended] if ended else [], everywhere=False)
            return _led_back(asked) or page("logout.html", done=True)
        account = asked.get("account", "").strip()
        if request.method == "POST" and account:
            await _tell(minter, sessions.end_all(account), everywhere=True)
            return page("logout.html", done=True)
        return page("logout.html", done=False)

    return [Route(END_SESSION, end_session, methods=["GET", "POST"])]


def discovery(issuer: str) -> dict[str, object]:
    """Its part of the discovery document."""
    return {
        "end_session_endpoint": issuer + END_SESSION,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


async def _parameters(request: Request) -> Any:
    return request.query_params if request.method == "GET" else await request.form()


def _hint(minter: Mint, asked: dict[str, str]) -> Any:
    """The claims of the ID token; None: there is none of ours, or it is another application's."""
    claims = minter.read(asked.get("id_token_hint", ""))
    if claims is None or asked.get("client_id", claims.get("aud")) != claims.get("aud"):
        return None
    return claims


def _led_back(asked: dict[str, str]) -> Response | None:
    """Never redirects away from this machine."""
    address = asked.get("post_logout_redirect_uri", "")
    if not HERE.fullmatch(address):
        return None
    state = urlencode({"state": asked["state"]}) if asked.get("state") else ""
    joint = ("&" if "?" in address else "?") if state else ""
    return RedirectResponse(f"{address}{joint}{state}", _SEE_OTHER)


async def _tell(minter: Mint, ended: Sequence[Session], *, everywhere: bool) -> None:
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
