"""The pages as a client of the issuer: OpenID Connect's code flow with PKCE (RFC 7636), and logout."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused

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

        `area` is told for a login that shows for which pages it is; other issuers ignore it (RFC 6749, 3.1).

        Raises:
            Unavailable: it does not answer.
        """
        answer: Response = await _asked(
            self._issuer.authorize_redirect(request, back_to, bmt_area=area)
        )
        return answer

    async def granted(self, request: Request) -> Mapping[str, Any]:
        """The tokens of a user who returns from the issuer, with the verified ID token's claims in `userinfo`.

        Raises:
            SignInFailed: the issuer refuses, or its answer does not belong to this user.
            Unavailable: it does not answer.
        """
        granted: Mapping[str, Any] = await _asked(self._issuer.authorize_access_token(request))
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
        """Whether the user returns from there."""
        try:
            await self._issuer.validate_logout_response(request)
        except OAuthError:
            return False
        return True


async def _asked(call: Awaitable[T]) -> T:
    """The issuer's answer during a login."""
    try:
        return await call
    except httpx.HTTPError as error:
        raise Unavailable("issuer", retry_after_seconds=3) from error
    except (OAuthError, JoseError, ValueError) as error:
        log.warning("sign_in_failed", error=type(error).__name__)
        raise SignInFailed from None
