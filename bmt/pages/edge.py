"""The outermost layer of pages: what a browser may do with them, and the last resort."""

from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.contracts.problems import Refused
from bmt.pages.refusals import Refusals

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

log = structlog.get_logger(__name__)


class PageEdge:
    """Adds the headers; answers what nobody foresaw with a page."""

    def __init__(self, app: ASGIApp, refusals: Refusals) -> None:
        self._app = app
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception:
            if started:
                raise
            log.exception("page_failed", route=getattr(scope.get("route"), "path", "unknown"))
            page = self._refusals.page(Request(scope), Refused(problem="internal"))
            await page(scope, receive, send_with_headers)
