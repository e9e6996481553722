"""Login and logout with the issuer.

A login brings an access token, which is verified like those of API calls.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import unquote, urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.limits import RateLimit, caller_is_known
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role
from web import session
from web.issuer_client import IssuerClient
from web.layout import Layout
from web.sessions import Sessions

ANSWERS: Final = "/login/callback"
"""Where the issuer redirects to after a login, below the prefix. It must be registered there."""
SIGNED_OUT: Final = "/signed-out"
"""The same after a logout."""

_SEE_OTHER: Final = 303
_GOES_ON: Final = "goes_on_at"
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
r"""A path of this host: a browser reads `//x` and `/\x` as another host."""


class SignInFirst(Exception):  # noqa: N818  named for what is so
    """Nobody is signed in, or the session ended."""


class Login:
    """Login and logout."""

    def __init__(
        self,
        issuer: IssuerClient,
        sessions: Sessions,
        *,
        public_url: str,
        prefix: str,
        areas: Sequence[str] = (),
    ) -> None:
        """`public_url` is the address from outside; a login leads back below `prefix` or to one of `areas`."""
        self._issuer = issuer
        self._sessions = sessions
        self._prefix = prefix
        self._areas = (prefix, *areas)
        self._here = f"{public_url.rstrip('/')}{prefix}"

    def routes(self, layout: Layout) -> APIRouter:
        routes = APIRouter()

        @routes.get("/login")
        async def login(
            request: Request, goes_on_at: Annotated[str, Query(max_length=2000)] = ""
        ) -> Response:
            await self._sessions.end(request)
            there = request.session[_GOES_ON] = self._local(goes_on_at)
            area = f"/{there.split('/')[1]}"
            return await self._issuer.sign_in(request, self._here + ANSWERS, area)

        @routes.get(ANSWERS)
        async def callback(request: Request) -> Response:
            goes_on_at = self._local(request.session.get(_GOES_ON, ""))
            await self._sessions.begin(request, await self._issuer.granted(request))
            return RedirectResponse(goes_on_at, _SEE_OTHER)

        @routes.post("/logout")
        async def logout(request: Request) -> Response:
            ended = session.of(request)
            await self._sessions.end(request)
            there = None
            if ended is not None:
                back_to = self._here + SIGNED_OUT
                there = await self._issuer.sign_out(request, ended.id_token, back_to)
            return RedirectResponse(there or self._prefix + SIGNED_OUT, _SEE_OTHER)

        @routes.get(SIGNED_OUT)
        async def signed_out(request: Request) -> Response:
            everywhere = await self._issuer.signed_out(request)
            return layout.page(request, "signed_out.html", everywhere=everywhere)

        return routes

    def address(self, goes_on_at: str) -> str:
        """The login page, which then redirects to `goes_on_at`."""
        return f"{self._prefix}/login?{urlencode({'goes_on_at': goes_on_at})}"

    def _local(self, address: str) -> str:
        """The address if it is one of our pages, else the first page: no redirect leaves these pages."""
        path = posixpath.normpath(unquote(address.partition("?")[0]))
        is_ours = any(f"{path}/".startswith(f"{area}/") for area in self._areas)
        return address if is_ours and _LOCAL.fullmatch(address) else f"{self._prefix}/"


class Admitted:
    """A dependency: the user, who must have one of `roles`."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, request: Request) -> Principal:
        """Returns the signed-in user.

        Raises:
            SignInFirst: nobody is signed in.
            Refused: `forbidden`, `too_many_requests`.
        """
        principal = session.visitor(request)
        if principal is None:
            raise SignInFirst
        rate_limit: RateLimit = request.app.state.rate_limit
        rate_limit.take(principal.subject)
        caller_is_known(request.scope, principal.subject)
        if not principal.has(*self._roles):
            raise Refused(problem="forbidden", extra={"roles": list(self._roles)})
        return principal
