"""Sessions end when the user signs out, when the issuer says so, and after a time.

The issuer is asked every few minutes, with the refresh token: users who lost access are signed out, and changed
roles take effect. Without a refresh token a session lasts as long as its access token.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Authenticator, Principal
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.problems import Refused
from web import session
from web.error_pages import Refusals
from web.session import Kept, Session, SessionStore, Tokens

EIGHT_HOURS: Final = timedelta(hours=8)
"""The longest session, whatever the issuer says."""

_ID: Final = "id"
_ID_BYTES: Final = 32
_AN_HOUR: Final = 3600
_OF_A_LIFE: Final = 0.8
"""The share of its life after which a token is renewed."""
_WAITS_SECONDS: Final = 6.0
"""How long a call waits for another one that renews its session."""
_LOOKS_EVERY_SECONDS: Final = 0.1

Granted = Mapping[str, Any]
"""The answer of the issuer's token endpoint."""
Renew = Callable[[str], Awaitable[Granted | None]]
"""Asks the issuer with a refresh token; None: it refuses. Raises `Unavailable`."""


class Sessions:
    """Begins, finds, renews and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        authenticator: Authenticator,
        renew: Renew,
        clock: Clock,
        *,
        recheck_seconds: int,
    ) -> None:
        """`recheck_seconds`: the interval in which the issuer is asked."""
        self._store = store
        self._authenticator = authenticator
        self._renew = renew
        self._clock = clock
        self._recheck_seconds = recheck_seconds

    async def begin(self, request: Request, granted: Granted) -> None:
        """A user signed in; everything known of the browser before is forgotten.

        Raises:
            Refused: `unauthenticated`: the API would not take the access token.
        """
        tokens = _tokens(granted, Tokens(access=""))
        visitor = await self._authenticator.principal(tokens.access)
        told = granted.get("userinfo") or {}
        lasts = EIGHT_HOURS if tokens.refresh else min(_life(granted), EIGHT_HOURS)
        kept = Kept(secrets.token_urlsafe(_ID_BYTES), tokens, self._renew_at(granted), 1)
        await self._store.add(
            kept,
            subject=str(told.get("sub") or visitor.subject),
            issuer_session=str(told.get("sid") or ""),
            expires_at=self._clock() + lasts,
        )
        request.session.clear()
        request.session[_ID] = kept.id

    async def of(self, request: Request) -> Session | None:
        """The caller's session, renewed when due; None: nobody is signed in.

        Raises:
            Unavailable: it cannot be told now.
        """
        id_ = str(request.session.get(_ID, ""))
        found = await self._found(id_) if id_ else None
        if id_ and found is None:
            request.session.pop(_ID)
        return found

    async def end(self, request: Request) -> None:
        """End the caller's session, also for whoever copied the cookie."""
        if id_ := str(request.session.get(_ID, "")):
            await self._store.end(id_)
        request.session.clear()

    async def _found(self, id_: str) -> Session | None:
        gives_up_at = time.monotonic() + _WAITS_SECONDS
        while (kept := await self._store.find(id_)) is not None:
            visitor = await self._visitor(kept)
            is_due = visitor is None or kept.renew_at <= self._clock()
            if is_due and kept.tokens.refresh:
                if await self._store.claim(kept):
                    return await self._renewed(kept, visitor)
                if visitor is None and time.monotonic() < gives_up_at:
                    await asyncio.sleep(_LOOKS_EVERY_SECONDS)
                    continue
            if visitor is not None:
                return self._session(kept, visitor)
            if kept.tokens.refresh:
                raise Unavailable("issuer")
            await self._store.end(id_)
        return None

    async def _renewed(self, kept: Kept, before: Principal | None) -> Session | None:
        """While the issuer is down the session goes on until its token expires."""
        try:
            granted = await self._renew(kept.tokens.refresh)
        except Unavailable:
            if before is None:
                raise
            return self._session(kept, before)
        if granted is None:
            await self._store.end(kept.id)
            return None
        news = replace(
            kept,
            tokens=_tokens(granted, kept.tokens),
            renew_at=self._renew_at(granted),
            version=kept.version + 1,
        )
        visitor = await self._visitor(news)
        another = before is not None and visitor is not None and visitor.subject != before.subject
        if visitor is None or another or not await self._store.renew(news):
            await self._store.end(kept.id)
            return None
        return self._session(news, visitor)

    async def _visitor(self, kept: Kept) -> Principal | None:
        try:
            return await self._authenticator.principal(kept.tokens.access)
        except Refused:
            return None

    def _renew_at(self, granted: Granted) -> datetime:
        recheck = timedelta(seconds=self._recheck_seconds)
        return self._clock() + min(recheck, _life(granted) * _OF_A_LIFE)

    def _session(self, kept: Kept, visitor: Principal) -> Session:
        async def goes_on() -> bool:
            return await self._store.find(kept.id) is not None

        return Session(visitor, kept.tokens.access, kept.tokens.identity, goes_on)


class Recognition:
    """The middleware that finds the session of each call."""

    def __init__(self, app: ASGIApp, sessions: Sessions, refusals: Refusals) -> None:
        """The cookie must have been read before."""
        self._app = app
        self._sessions = sessions
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            session.put(request, await self._sessions.of(request))
        except Unavailable as error:
            await self._refusals.unavailable(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _tokens(granted: Granted, before: Tokens) -> Tokens:
    """The new tokens; the issuer may leave out a refresh token or ID token that stays valid."""
    return Tokens(
        access=str(granted.get("access_token", "")),
        identity=str(granted.get("id_token") or before.identity),
        refresh=str(granted.get("refresh_token") or before.refresh),
    )


def _life(granted: Granted) -> timedelta:
    """The life of the access token."""
    return timedelta(seconds=int(granted.get("expires_in") or _AN_HOUR))
