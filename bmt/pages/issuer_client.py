"""The pages as an application of the issuer: OpenID Connect's code flow with PKCE (RFC 7636), and signing out."""

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
    """What came back from the issuer does not sign anybody in."""

    problem = "unauthenticated"


class IssuerClient:
    """What is asked of the issuer."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        """Connects to nothing yet. Without a secret it is a public client, which PKCE alone protects."""
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

    async def sign_in(self, request: Request, back_to: str) -> Response:
        """Leads people to the issuer; what is asked of it is kept in the visitor's cookie.

        Raises:
            Unavailable: it does not answer.
        """
        answer: Response = await _asked(self._issuer.authorize_redirect(request, back_to))
        return answer

    async def granted(self, request: Request) -> Mapping[str, Any]:
        """The tokens of who comes back from there, the ID token verified: `userinfo` is what it says.

        Raises:
            SignInFailed: the issuer refuses, or its answer does not belong to this visitor.
            Unavailable: it does not answer.
        """
        granted: Mapping[str, Any] = await _asked(self._issuer.authorize_access_token(request))
        return granted

    async def renewed(self, refresh_token: str) -> Mapping[str, Any] | None:
        """New tokens; None: the issuer lets this session go on no longer.

        Raises:
            Unavailable: it does not answer, or not in a way that is understood.
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
        """Where people end the issuer's session too; None: it does not say, or does not answer."""
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
        """Whether who comes here is back from there."""
        try:
            await self._issuer.validate_logout_response(request)
        except OAuthError:
            return False
        return True


async def _asked(call: Awaitable[T]) -> T:
    """What the issuer answers to who signs in."""
    try:
        return await call
    except httpx.HTTPError as error:
        raise Unavailable("issuer", retry_after_seconds=3) from error
    except (OAuthError, JoseError, ValueError) as error:
        log.warning("sign_in_failed", error=type(error).__name__)
        raise SignInFailed from None
