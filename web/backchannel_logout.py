"""The issuer's server tells ours that a session ended (OpenID Connect Back-Channel Logout 1.0)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bmt.chassis.http.auth import SKEW_SECONDS, IssuerKeys, IssuerTokens, token_refused
from bmt.contracts.problems import Refused
from web.forms import read
from web.session_store import SessionStore

PATH: Final = "/backchannel-logout"
"""Below the prefix. It must be registered at the issuer."""

_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_TYPES: Final = ("", "JWT", "logout+jwt")
_MOST_BYTES: Final = 64 * 1024
_BAD_REQUEST: Final = 400
_NO_STORE: Final = {"cache-control": "no-store"}

log = structlog.get_logger(__name__)


class BackchannelLogout:
    """Ends the sessions that a logout token names; each token is good once."""

    def __init__(self, keys: IssuerKeys, client_id: str, store: SessionStore) -> None:
        """`client_id` is the token's audience: the pages' name at the issuer."""
        self._tokens = IssuerTokens(
            keys, [client_id], _TYPES, essential=("exp", "iat", "jti", "events")
        )
        self._store = store

    def routes(self, prefix: str) -> APIRouter:
        """The issuer posts here. It is no page: no browser calls it, and no cookie counts."""
        routes = APIRouter()

        @routes.post(prefix + PATH, include_in_schema=False)
        async def ended(request: Request) -> Response:
            try:
                told = await read(request, _MOST_BYTES, most_files=0)
                await self._end(await self._tokens.claims(told.text("logout_token")))
            except Refused as error:
                log.warning("logout_token_refused", detail=error.detail)
                answer = {"error": "invalid_request", "error_description": error.detail}
                return JSONResponse(answer, _BAD_REQUEST, headers=_NO_STORE)
            return Response(headers=_NO_STORE)

        return routes

    async def _end(self, claims: Mapping[str, Any]) -> None:
        sid, subject = _said(claims, "sid"), _said(claims, "sub")
        if not sid and not subject:
            raise token_refused("it says neither sid nor sub")
        events = claims["events"]
        if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
            raise token_refused("its claim events names no logout")
        if "nonce" in claims:
            raise token_refused("it has the claim nonce, so it is no logout token")
        if await self._store.is_taken(claims["jti"]):
            raise token_refused("it was taken before")
        if sid:
            await self._store.end_issuer_session(sid, subject)
        else:
            await self._store.end_subject(subject)
        until = datetime.fromtimestamp(claims["exp"] + SKEW_SECONDS, UTC)
        await self._store.take(claims["jti"], until)
        log.info("sessions_ended_by_issuer", of="session" if sid else "subject")


def _said(claims: Mapping[str, Any], claim: str) -> str:
    said = claims.get(claim, "")
    if not isinstance(said, str):
        raise token_refused(f"its claim {claim} is not a string")
    return said
