"""Signing out at the evaluation's issuer (OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0).

An application that comes with an ID token ends that session; a person who comes without one ends all sessions of an account.
Each application of an ended session is told before anybody is led back.
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

from evaluation.issuer_login import HERE, page
from evaluation.issuer_sessions import Session, Sessions
from evaluation.tokens import Mint

END_SESSION: Final = "/end-session"

_SEE_OTHER: Final = 303
_SECONDS: Final = 3.0

log = structlog.get_logger()


def routes(minter: Mint, sessions: Sessions) -> list[Route]:
    """Where applications lead people to who sign out, and people come by themselves."""

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
    """What discovery says of it."""
    return {
        "end_session_endpoint": issuer + END_SESSION,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


async def _parameters(request: Request) -> Any:
    return request.query_params if request.method == "GET" else await request.form()


def _hint(minter: Mint, asked: dict[str, str]) -> Any:
    """What the ID token says; None: there is none of ours, or it is another application's."""
    claims = minter.read(asked.get("id_token_hint", ""))
    if claims is None or asked.get("client_id", claims.get("aud")) != claims.get("aud"):
        return None
    return claims


def _led_back(asked: dict[str, str]) -> Response | None:
    """Nobody is led to where this machine is not."""
    address = asked.get("post_logout_redirect_uri", "")
    if not HERE.fullmatch(address):
        return None
    state = urlencode({"state": asked["state"]}) if asked.get("state") else ""
    joint = ("&" if "?" in address else "?") if state else ""
    return RedirectResponse(f"{address}{joint}{state}", _SEE_OTHER)


async def _tell(minter: Mint, ended: Sequence[Session], *, everywhere: bool) -> None:
    """Tell each application of the sessions' end; one that does not answer is no reason to wait for long."""
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
