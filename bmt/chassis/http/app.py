"""The application, the middleware around it, and the server that runs it."""

import asyncio
import gc
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.http import bodies, limits
from bmt.chassis.http.auth import Authenticator
from bmt.chassis.http.bodies import problem_response
from bmt.chassis.http.limits import (
    UNLIMITED,
    ConcurrencyLimit,
    ConcurrencyLimits,
    Deadlines,
    RateLimit,
    patient_connections,
)
from bmt.chassis.http.routes import ApiRoute, describe_what_is_ours, problems
from bmt.chassis.runtime import background, observability, tracing
from bmt.chassis.runtime.observability import (
    CHECK_SECONDS,
    Parts,
    ReadinessCheck,
    Sampler,
    set_up_logs,
)
from bmt.chassis.runtime.settings import WRONG_CONFIGURATION, HttpSettings, ProcessSettings, load
from bmt.chassis.runtime.tracing import Attribute, Kind, Span
from bmt.contracts.problems import Refused

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_CACHEABLE: Final = "/static"
"""Paths of static files, the same for everybody. Nothing else may be cached."""

_log = structlog.get_logger()

_CALL_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_REFUSED, _FAILED = 400, 500

CallKind = Literal["read", "write", "upload"]
"""An upload's time is mostly the sender's: it is any unsafe call but one with JSON."""


class CallDurations:
    """`bmt_http_request_seconds`: how long callers wait for the beginning of an answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "bmt_http_request_seconds",
            "From a call's head to the beginning of its answer; failed: a status from 500 on.",
            ["kind", "outcome"],
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self._of = cache(seconds.labels)
        for kind in get_args(CallKind):
            for outcome in ("answered", "refused", "failed"):
                self._of(kind, outcome)  # from 0 on: a rate does not see a series' first sample

    def observe(self, kind: CallKind, status: int, seconds: float) -> None:
        outcome = "answered" if status < _REFUSED else "refused" if status < _FAILED else "failed"
        self._of(kind, outcome).observe(seconds)


class RequestMiddleware:
    """Takes or begins the trace, adds headers, measures, and answers unexpected errors with `internal`."""

    def __init__(self, app: ASGIApp, durations: CallDurations) -> None:
        self._app = app
        self._durations = durations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server leaves out the body (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET"}
        given = _traceparent(scope)
        is_watched = scope["path"] not in limits.ALWAYS_ANSWERED
        span = tracing.begin(scope["method"], Kind.SERVER, given) if is_watched else None
        traceparent = span.traceparent if span else observability.accepted_traceparent(given)
        traced = observability.current_trace.set(traceparent)
        call: dict[str, Any] = {}
        noted = observability.current_call.set(call)
        status = 0
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if is_watched:
                    seconds = time.perf_counter() - began
                    self._durations.observe(_kind(scope), status, seconds)
                _add_headers(message, scope, traceparent)
            await send(message)

        try:
            if limits.head_bytes(scope) > limits.MOST_HEAD_BYTES:
                await _head_too_large()(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            if status:  # the response is cut off; the server closes the connection
                raise
            _log.error("call_failed", method=scope["method"], route=_route(scope), exc_info=error)
            response = problem_response(Refused(problem="internal"))
            await response(scope, receive, send_with_headers)
        finally:
            _log_call(scope, status, time.perf_counter() - began, call)
            _end(span, scope, status)
            observability.current_call.reset(noted)
            observability.current_trace.reset(traced)


def _log_call(scope: Scope, status: int, seconds: float, call: Mapping[str, Any]) -> None:
    """The line of a call that changes something, or was to, where no command has one. Status 0: the caller left."""
    if "role" not in call or "decided" in call or _kind(scope) == "read":
        return
    _log.info(
        "call",
        method=scope["method"],
        route=_route(scope),
        status=status,
        **{key: call[key] for key in ("role", "problem", "code") if key in call},
        duration_ms=round(seconds * 1000, 1),
    )


def _end(span: Span | None, scope: Scope, status: int) -> None:
    if span is None:
        return
    method, route = scope["method"], _route(scope)
    span.rename(f"{method} {route}")
    about: dict[str, Attribute] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    span.end("" if 0 < status < _FAILED else str(status or "disconnected"), **about)


def _kind(scope: Scope) -> CallKind:
    if scope["method"] in ("GET", "HEAD"):
        return "read"
    is_json = any(
        name == b"content-type" and value.startswith(b"application/json")
        for name, value in scope["headers"]
    )
    return "write" if is_json else "upload"


def _head_too_large() -> Response:
    most = limits.MOST_HEAD_BYTES
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
    has_policy = b"cache-control" in dict(given) or scope["path"].startswith(_CACHEABLE)
    message["headers"] = headers if has_policy else [*headers, _NO_STORE]


def _route(scope: Scope) -> str:
    """The route's template, below what its application is mounted at: a path itself may hold an account."""
    path = getattr(scope.get("route"), "path", None)
    return f"{scope.get('root_path', '')}{path}" if path else "unknown"


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


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
        await tracing.flush()

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
    bodies.install_problems(app)
    describe_what_is_ours(app)
    # Our own middleware only: FastAPI's would do nothing for each call.
    limited = ConcurrencyLimit(DirectCalls(app), concurrency or ConcurrencyLimits())
    app.middleware_stack = RequestMiddleware(limited, CallDurations(registry))
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


def health_routes(
    registry: CollectorRegistry,
    readiness: Mapping[str, ReadinessCheck],
    parts: Parts,
    samplers: Sequence[Sampler] = (),
) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`, without a token: they contain no personal data."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="Alive")
    async def healthz() -> Mapping[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Ready", responses=problems("unavailable"))
    async def readyz() -> Mapping[str, str]:
        missing = await parts.missing(readiness)
        if missing:
            raise Refused(
                f"Not ready. Missing: {', '.join(missing)}.",
                problem="unavailable",
                extra={"missing": list(missing)},
            )
        return {"status": "ready"}

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await asyncio.gather(*(_sample(sampler) for sampler in samplers))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


async def _sample(sampler: Sampler) -> None:
    """A gauge that cannot be read keeps its last value. The others are still updated."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await sampler()
    except Exception as error:  # noqa: BLE001  the metrics of everything else must be readable
        _log.warning("sample_failed", error=repr(error))


PERMANENT: Final = 308
"""The method and a form's content stay (RFC 9110, 15.4.9)."""
_FOUND: Final = 307


def moved_pages(web_url: str, prefixes: Sequence[str]) -> APIRouter:
    """Redirects `/` and everything below `prefixes` to the same path below `web_url`; nothing if it is empty."""
    routes = APIRouter(include_in_schema=False)
    if not web_url:
        return routes
    target = web_url.rstrip("/")

    @routes.get("/")
    async def begins() -> Response:
        return RedirectResponse(f"{target}/", _FOUND)

    async def moved(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        path = request.scope.get("raw_path", b"").decode("ascii") or request.url.path
        return RedirectResponse(f"{target}{path}{query}", PERMANENT)

    for prefix in prefixes:
        for path in (prefix, prefix + "/{rest:path}"):
            routes.add_api_route(path, moved, methods=["GET", "POST"])
    return routes


S = TypeVar("S", bound=HttpSettings)

SHUTDOWN_SECONDS: Final = 10
"""How long running calls may take at a stop; Docker kills after ten seconds, Kubernetes after thirty."""
_MOST_FILES: Final = 65_536
_NOT_STARTED: Final = 3
_GARBAGE_AT_MOST: Final = 200_000
"""Objects kept alive by cycles; some tens of megabytes."""


def main(settings_class: type[S], build: Callable[[S], FastAPI]) -> None:
    """Run a service. It exits with 2 and one clear line if the configuration is wrong."""
    settings = load(settings_class)
    set_up_logs(settings.service, settings.log_level, line_format=settings.log_format)
    warn_of_what_is_not_encrypted(settings)
    try:
        if settings.otlp_endpoint:
            tracing.switch_on(settings.service, settings.otlp_endpoint)
        serve(build, settings)
    except WrongConfiguration as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_CONFIGURATION)


def warn_of_what_is_not_encrypted(settings: ProcessSettings) -> None:
    """Log, at every start, each variable whose connection is not encrypted."""
    for variable in settings.not_encrypted():
        _log.warning("not_encrypted", variable=variable)


def serve(build: Callable[[S], FastAPI], settings: S) -> None:
    """Build the application inside the event loop and serve it until SIGTERM or SIGINT.

    Running calls are finished first. Logs must be set up before. It exits with 3 if the lifespan or the socket
    cannot be started.
    """
    collect_garbage_less_often()
    open_as_many_files_as_allowed()
    server = configuration(build, settings)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(server).run(_sockets(settings))


def _sockets(settings: HttpSettings) -> list[socket.socket] | None:
    """None: uvicorn opens the one port itself."""
    if settings.shared_port is None:
        return None
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return [
            socket.create_server(
                (settings.host, port), family=family, reuse_port=shared, backlog=2048
            )
            for port, shared in ((settings.port, False), (settings.shared_port, True))
        ]
    except OSError as error:
        _log.error("port_not_opened", reason=error.strerror)
        sys.exit(_NOT_STARTED)


def collect_garbage_less_often() -> None:
    """Imported objects stay; most others are freed by reference counting, without cycles.

    A wave of 500 events is some 50,000 objects. A collection during each would look through them all for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AT_MOST, 20, 100)


def open_as_many_files_as_allowed() -> None:
    """Each connection is a file, and the usual soft limit of 1,024 is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def configuration(
    build: Callable[[S], FastAPI], settings: S, deadlines: Deadlines | None = None
) -> uvicorn.Config:
    """The server's configuration: the fast loop and parser, no log of its own."""
    return uvicorn.Config(
        partial(build, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=patient_connections(deadlines or Deadlines()),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
