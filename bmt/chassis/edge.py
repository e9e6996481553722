"""The outermost layer of a service's HTTP side: trace, security headers, and the last resort.

Pure ASGI, one layer for all three: it runs for every call.
"""

from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis import head_limit, tracing
from bmt.chassis.problem_details import problem_response
from bmt.contracts.problems import Refused

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_CACHEABLE: Final = "/static"
"""Paths that begin so are files of ours, the same for everybody; nothing else may be kept."""

_log = structlog.get_logger()


class Edge:
    """Takes or begins the trace, adds the headers, answers what nobody foresaw with `internal`."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traceparent = tracing.accepted(_traceparent(scope))
        traced = tracing.current.set(traceparent)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message, scope, traceparent)
            await send(message)

        try:
            if head_limit.size_of(scope) > head_limit.MOST_BYTES:
                await _head_too_large()(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:  # the answer is cut off; the server closes the connection
                raise
            _log.error("call_failed", method=scope["method"], route=_route(scope), exc_info=error)
            response = problem_response(Refused(problem="internal"))
            await response(scope, receive, send_with_headers)
        finally:
            tracing.current.reset(traced)


def _head_too_large() -> Response:
    most = head_limit.MOST_BYTES
    return problem_response(
        Refused(
            f"Address and headers may have at most {most} bytes together.",
            problem="headers_too_large",
            extra={"limit_bytes": most},
        )
    )


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            traceparent: str = value.decode("latin-1")
            return traceparent
    return None


def _add_headers(message: Message, scope: Scope, traceparent: str) -> None:
    given = message.get("headers", ())
    headers = [*given, _NO_SNIFF, (b"traceresponse", traceparent.encode("ascii"))]
    is_kept = b"cache-control" in dict(given) or scope["path"].startswith(_CACHEABLE)
    message["headers"] = headers if is_kept else [*headers, _NO_STORE]


def _route(scope: Scope) -> str:
    """The route's template: a path itself may hold an account."""
    return str(getattr(scope.get("route"), "path", "unknown"))
