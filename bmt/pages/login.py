"""Signing in with the issuer: OpenID Connect's code flow, with PKCE (RFC 7636).

What comes back is an access token like those that the API takes, and is verified as they are.
"""

import posixpath
import re
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlencode

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Query
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.auth import Authenticator, Principal
from bmt.chassis.crowd_limit import caller_is_known
from bmt.chassis.errors import Unavailable
from bmt.chassis.rate_limit import RateLimit
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role
from bmt.pages import session
from bmt.pages.carried import CarriedToken, TokenTooLong
from bmt.pages.layout import Layout

ANSWERS: Final = "/login/callback"
"""Where the issuer sends people back to, below the prefix: it must be registered there."""

_SEE_OTHER: Final = 303
_AN_HOUR: Final = 3600
_SECONDS: Final = 5.0
_GOES_ON: Final = "goes_on_at"
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path of this host: a browser reads `//x` and `/\\x` as another one."""

log = structlog.get_logger(__name__)


class SignInFirst(Exception):  # noqa: N818  named for what is so
    """Nobody is signed in, or no longer."""


class SignInFailed(Refused):
    """What came back from the issuer does not sign anybody in."""

    problem = "unauthenticated"


class Login:
    """The doorkeeper of one part of the system."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        public_url: str,
        prefix: str,
        authenticator: Authenticator,
        carried: CarriedToken | None,
    ) -> None:
        """Connects to nothing yet.

        Without a secret it is a public client, which PKCE alone protects. `carried`: the token is wanted later.
        """
        self._authenticator = authenticator
        self._carried = carried
        self._prefix = prefix
        self._answers = f"{public_url.rstrip('/')}{prefix}{ANSWERS}"
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

    def routes(self, layout: Layout) -> APIRouter:
        """Signing in and out."""
        routes = APIRouter()

        @routes.get("/login")
        async def login(
            request: Request, goes_on_at: Annotated[str, Query(max_length=2000)] = ""
        ) -> Response:
            # What is asked of the issuer is kept here too, and both do not fit into one cookie.
            request.session.clear()
            request.session[_GOES_ON] = self._local(goes_on_at)
            answer: Response = await self._asked(
                self._issuer.authorize_redirect(request, self._answers)
            )
            return answer

        @routes.get(ANSWERS)
        async def callback(request: Request) -> Response:
            goes_on_at = self._local(request.session.get(_GOES_ON, ""))
            token = await self._asked(self._issuer.authorize_access_token(request))
            access_token = str(token.get("access_token", ""))
            session.begin(
                request.session,
                await self._authenticator.principal(access_token),
                seconds=int(token.get("expires_in") or _AN_HOUR),
                sealed=self._sealed(access_token),
            )
            return RedirectResponse(goes_on_at, _SEE_OTHER)

        @routes.post("/logout")
        async def logout(request: Request) -> Response:
            request.session.clear()
            return RedirectResponse(f"{self._prefix}/signed-out", _SEE_OTHER)

        @routes.get("/signed-out")
        async def signed_out(request: Request) -> Response:
            return layout.page(request, "signed_out.html")

        return routes

    def address(self, goes_on_at: str) -> str:
        """Where to sign in, and to be led on to from there."""
        return f"{self._prefix}/login?{urlencode({'goes_on_at': goes_on_at})}"

    def _sealed(self, access_token: str) -> str:
        if self._carried is None:
            return ""
        try:
            return self._carried.seal(access_token)
        except TokenTooLong:
            log.error("access_token_too_long", characters=len(access_token))  # noqa: TRY400  no trace: it would say nothing more
            raise SignInFailed from None

    def _local(self, address: str) -> str:
        """Only what lies below the prefix: nobody is led elsewhere from here."""
        path = posixpath.normpath(unquote(address.partition("?")[0]))
        below = f"{path}/".startswith(f"{self._prefix}/")
        return address if below and _LOCAL.fullmatch(address) else f"{self._prefix}/"

    @staticmethod
    async def _asked(call: Any) -> Any:
        """What the issuer answers.

        Raises:
            SignInFailed: it refuses, or its answer does not belong to this visitor.
            Unavailable: it does not answer.
        """
        try:
            return await call
        except httpx.HTTPError as error:
            raise Unavailable("issuer", retry_after_seconds=3) from error
        except (OAuthError, JoseError, ValueError) as error:
            log.warning("sign_in_failed", error=type(error).__name__)
            raise SignInFailed from None


class Admitted:
    """A dependency: the visitor, who must have one of `roles`."""

    def __init__(self, rate_limit: RateLimit, *roles: Role) -> None:
        """Names the roles that are admitted."""
        self._rate_limit = rate_limit
        self._roles = roles

    def __call__(self, request: Request) -> Principal:
        """Who is signed in.

        Raises:
            SignInFirst: nobody.
            Refused: `forbidden`, `too_many_requests`.
        """
        principal = session.visitor(request.session)
        if principal is None:
            raise SignInFirst
        self._rate_limit.take(principal.subject)
        caller_is_known(request.scope, principal.subject)
        if not principal.has(*self._roles):
            raise Refused(problem="forbidden", extra={"roles": list(self._roles)})
        return principal
