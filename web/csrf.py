"""The outermost layer of pages: security headers, the origin of forms, unexpected errors."""

from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.contracts.problems import Refused
from web.error_pages import Refusals

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SCRIPTED: Final = f"{POLICY}; script-src 'self'; connect-src 'self'"
"""For pages with our own script."""
HEADERS: Final = {
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger(__name__)


class CsrfMiddleware:
    """Adds the headers, refuses forms of other sites, and answers unexpected errors with a page."""

    def __init__(
        self, app: ASGIApp, refusals: Refusals, origin: str, *, issuer: str, scripts: bool = False
    ) -> None:
        """`origin` is the pages' own, as a browser sends it: `https://records.example`; `issuer` is the issuer's.

        Browsers check `form-action` against redirects too, and signing out redirects to the issuer.
        """
        policy = f"{SCRIPTED if scripts else POLICY}; form-action 'self' {issuer}".rstrip()
        self._headers = {**HEADERS, "content-security-policy": policy}
        self._app = app
        self._refusals = refusals
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            if self._is_of_another_site(scope):
                page = self._refusals.of_another_site(Request(scope))
                await page(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception:
            if started:
                raise
            log.exception("page_failed", route=getattr(scope.get("route"), "path", "unknown"))
            page = self._refusals.page(Request(scope), Refused(problem="internal"))
            await page(scope, receive, send_with_headers)

    def _is_of_another_site(self, scope: Scope) -> bool:
        """By Fetch Metadata, else by the origin (OWASP). A form without either is refused."""
        if scope["type"] != "http" or scope["method"] in _SAFE:
            return False
        headers = Headers(scope=scope)
        if (site := headers.get("sec-fetch-site")) is not None:
            return site != "same-origin"
        return headers.get("origin") != self._origin
