"""Login and logout with the issuer, ours and its own (OpenID Connect Back-Channel Logout 1.0).

A login brings an access token, which is verified like those of API calls.
"""

import posixpath
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import unquote, urlencode

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Query
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import SKEW_SECONDS, IssuerKeys, IssuerTokens, token_refused
from bmt.contracts.problems import Refused
from web import session
from web.forms import read
from web.layout import Layout
from web.session import Sessions, SessionStore

CALLBACK: Final = "/login/callback"
"""Where the issuer redirects to after a login, below the prefix. It must be registered there."""
SIGNED_OUT: Final = "/signed-out"
"""The same after a logout."""

_SEE_OTHER: Final = 303
_GOES_ON: Final = "goes_on_at"
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
r"""A path of this host: a browser reads `//x` and `/\x` as another host."""


class SignInFirst(Exception):  # noqa: N818  named for what is so
    """Nobody is signed in, or the session ended."""


_SECONDS: Final = 5.0
_REFUSED: Final = "invalid_grant"

log = structlog.get_logger(__name__)

T = TypeVar("T")


class SignInFailed(Refused):
    """The issuer's answer does not sign anybody in."""

    problem = "unauthenticated"


class IssuerClient:
    """Calls the issuer. Without a secret it is a public client, protected by PKCE only."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self._client_id = client_id
        self._issuer: Any = OAuth().register(
            "issuer",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic" if client_secret else "none",
                "trust_env": False,
                "timeout": _SECONDS,
            },
        )

    async def sign_in(self, request: Request, back_to: str, area: str = "") -> Response:
        """Redirects to the issuer; the request's state is kept in the user's cookie.

        `area` lets the issuer's login page name the area; issuers that do not know it ignore it (RFC 6749, 3.1).

        Raises:
            Unavailable: it does not answer.
        """
        answer: Response = await _answer(
            self._issuer.authorize_redirect(request, back_to, bmt_area=area)
        )
        return answer

    async def granted(self, request: Request) -> Mapping[str, Any]:
        """The tokens of a user who returns from the issuer, with the verified ID token's claims in `userinfo`.

        Raises:
            SignInFailed: the issuer refuses, or its answer does not belong to this user.
            Unavailable: it does not answer.
        """
        granted: Mapping[str, Any] = await _answer(self._issuer.authorize_access_token(request))
        return granted

    async def renewed(self, refresh_token: str) -> Mapping[str, Any] | None:
        """New tokens; None: the issuer has ended this session.

        Raises:
            Unavailable: it does not answer, or its answer cannot be read.
        """
        try:
            granted: Mapping[str, Any] = await self._issuer.fetch_access_token(
                grant_type="refresh_token", refresh_token=refresh_token
            )
        except OAuthError as error:
            if error.error == _REFUSED:
                return None
            log.warning("session_not_renewed", error=error.error)
            raise Unavailable("issuer", retry_after_seconds=3) from error
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("issuer", retry_after_seconds=3) from error
        return granted

    async def sign_out(self, request: Request, id_token: str, back_to: str) -> str | None:
        """The address that ends the issuer's session too; None: there is none, or it does not answer."""
        try:
            metadata = await self._issuer.load_server_metadata()
            if not metadata.get("end_session_endpoint"):
                return None
            answer: Response = await self._issuer.logout_redirect(
                request,
                post_logout_redirect_uri=back_to,
                id_token_hint=id_token or None,
                client_id=self._client_id,
            )
        except (httpx.HTTPError, ValueError) as error:
            log.warning("issuer_session_not_ended", error=type(error).__name__)
            return None
        return answer.headers["location"]

    async def signed_out(self, request: Request) -> bool:
        """Whether the user returns from the issuer's logout."""
        try:
            await self._issuer.validate_logout_response(request)
        except OAuthError:
            return False
        return True


async def _answer(call: Awaitable[T]) -> T:
    """The issuer's answer during a login."""
    try:
        return await call
    except httpx.HTTPError as error:
        raise Unavailable("issuer", retry_after_seconds=3) from error
    except (OAuthError, JoseError, ValueError) as error:
        log.warning("sign_in_failed", error=type(error).__name__)
        raise SignInFailed from None


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
            return await self._issuer.sign_in(request, self._here + CALLBACK, area)

        @routes.get(CALLBACK)
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


BACK_CHANNEL: Final = "/backchannel-logout"
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
        """The issuer posts here. No browser calls it, so it reads no cookie."""
        routes = APIRouter()

        @routes.post(prefix + BACK_CHANNEL, include_in_schema=False)
        async def ended(request: Request) -> Response:
            try:
                submitted = await read(request, _MOST_BYTES, most_files=0)
                await self._end(await self._tokens.claims(submitted.text("logout_token")))
            except Refused as error:
                log.warning("logout_token_refused", detail=error.detail)
                answer = {"error": "invalid_request", "error_description": error.detail}
                return JSONResponse(answer, _BAD_REQUEST, headers=_NO_STORE)
            return Response(headers=_NO_STORE)

        return routes

    async def _end(self, claims: Mapping[str, Any]) -> None:
        sid, subject = _text_claim(claims, "sid"), _text_claim(claims, "sub")
        if not sid and not subject:
            raise token_refused("it says neither sid nor sub")
        events = claims["events"]
        if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
            raise token_refused("its claim events names no logout")
        if "nonce" in claims:
            raise token_refused("it has the claim nonce, so it is no logout token")
        if await self._store.is_used(claims["jti"]):
            raise token_refused("it was taken before")
        if sid:
            await self._store.end_issuer_session(sid, subject)
        else:
            await self._store.end_subject(subject)
        until = datetime.fromtimestamp(claims["exp"] + SKEW_SECONDS, UTC)
        await self._store.mark_used(claims["jti"], until)
        log.info("sessions_ended_by_issuer", of="session" if sid else "subject")


def _text_claim(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise token_refused(f"its claim {claim} is not a string")
    return value
