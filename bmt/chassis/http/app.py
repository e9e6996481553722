"""The application factory, and the middleware around it: the HTTP side that all services share."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis.http import connections, openapi, problem_details
from bmt.chassis.http.api_route import ApiRoute
from bmt.chassis.http.auth import Authenticator
from bmt.chassis.http.limits import UNLIMITED, ConcurrencyLimit, ConcurrencyLimits, RateLimit
from bmt.chassis.http.problem_details import problem_response
from bmt.chassis.runtime import background, tracing
from bmt.chassis.runtime.health import Parts, ReadinessCheck, Sampler, health_routes
from bmt.contracts.problems import Refused

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_CACHEABLE: Final = "/static"
"""Paths of static files, the same for everybody. Nothing else may be cached."""

_log = structlog.get_logger()


class RequestMiddleware:
    """Takes or begins the trace, adds headers, and answers unexpected errors with `internal`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            if connections.size_of(scope) > connections.MOST_BYTES:
                await _head_too_large()(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:  # the response is cut off; the server closes the connection
                raise
            _log.error("call_failed", method=scope["method"], route=_route(scope), exc_info=error)
            response = problem_response(Refused(problem="internal"))
            await response(scope, receive, send_with_headers)
        finally:
            tracing.current.reset(traced)


def _head_too_large() -> Response:
    most = connections.MOST_BYTES
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


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def api_router(**options: Any) -> APIRouter:
    """A router for an API's routes: guarded, limited and strict (see `body_limit.ApiRoute`)."""
    return APIRouter(
        route_class=ApiRoute,
        responses=openapi.ANY_PROBLEM,
        strict_content_type=False,
        **options,
    )


def create_app(
    *,
    title: str,
    version: str,
    description: str,
    routers: Sequence[APIRouter],
    authenticator: Authenticator,
    registry: CollectorRegistry,
    readiness: Mapping[str, ReadinessCheck],
    watched: Mapping[str, ReadinessCheck] = MappingProxyType({}),
    parts: Parts | None = None,
    samplers: Sequence[Sampler] = (),
    rate_limit: RateLimit | None = None,
    concurrency: ConcurrencyLimits | None = None,
    ports: object = None,
    lifespan: Lifespan,
) -> FastAPI:
    """The service's application. Nothing connects before its lifespan.

    `description` is Markdown. `routers` are made with `api_router`. `readiness` has, for each required part, a
    check that raises while it is missing; the authenticator's is reported as `issuer`. `watched` are parts that it
    can do without. `parts` tells since when each is there, and of parts that the service notes itself. `samplers`
    update gauges before `/metrics` answers. `ports` is what the routes get from `ports_of`.

    Raises:
        TypeError: a route takes a JSON body without `api_router`, so without limit and strictness.
    """
    parts = parts or Parts(registry)
    needed = {**readiness, "issuer": authenticator.ready}

    @asynccontextmanager
    async def watched_over(app: FastAPI) -> AsyncIterator[None]:
        async with background.running([partial(parts.watch, {**needed, **watched})]), lifespan(app):
            yield

    app: FastAPI = FastAPIOffline(
        title=title,
        version=version,
        description=description,
        lifespan=watched_over,
        redoc_url=None,
        static_url="/static-docs",
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.authenticator = authenticator
    app.state.rate_limit = rate_limit or UNLIMITED
    app.state.ports = ports
    for router in (*routers, health_routes(registry, needed, parts, samplers)):
        _require_strictness(router)
        # Joined, not included: FastAPI matches an included router twice for each call.
        app.router.routes.extend(router.routes)
    problem_details.install(app)
    openapi.install(app)
    # Our own middleware only: FastAPI's would do nothing for each call.
    limited = ConcurrencyLimit(DirectCalls(app), concurrency or ConcurrencyLimits())
    app.middleware_stack = RequestMiddleware(limited)
    return app


class DirectCalls:
    """Sends a call straight to a direct route. All other calls go through the router."""

    def __init__(self, app: FastAPI) -> None:
        self._with_handlers = partial(ExceptionMiddleware, handlers=app.exception_handlers)
        self._others = self._with_handlers(AsyncExitStackMiddleware(app.router))
        self._routes = {
            (method, route.path): route
            for route in app.routes
            if isinstance(route, ApiRoute) and route.is_direct
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await self._others(scope, receive, send)
            return
        scope["route"] = route
        try:
            await route.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  answered as the others'
            await self._with_handlers(_raising(error))(scope, receive, send)


def _raising(error: Exception) -> ASGIApp:
    async def app(_: Scope, __: Receive, ___: Send) -> None:
        raise error

    return app


def _require_strictness(router: APIRouter) -> None:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.body_field and not isinstance(route, ApiRoute):
            raise TypeError(f"{route.path} takes a body: make its router with api_router()")
