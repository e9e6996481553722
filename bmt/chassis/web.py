"""The application factory: what the HTTP side of every service has in common."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bmt.chassis import openapi, problem_details
from bmt.chassis.auth import Authenticator
from bmt.chassis.body_limit import ApiRoute
from bmt.chassis.crowd_limit import CrowdLimit, CrowdLimits
from bmt.chassis.edge import Edge
from bmt.chassis.health import ReadinessCheck, Sampler, health_routes
from bmt.chassis.rate_limit import UNLIMITED, RateLimit

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
    samplers: Sequence[Sampler] = (),
    rate_limit: RateLimit | None = None,
    crowd: CrowdLimits | None = None,
    lifespan: Lifespan,
) -> FastAPI:
    """The service's application; nothing connects before its lifespan.

    Args:
        title: the service's name in the documentation.
        version: the version of its API.
        description: what it owns, hears and says, in Markdown.
        routers: the service's routes, made with `api_router`.
        authenticator: tells who is calling; usually a `TokenVerifier`; its readiness is told as
            `issuer`.
        registry: what `/metrics` shows.
        readiness: for each part that is needed, a check that raises while it is missing.
        samplers: run before `/metrics` answers, for gauges that are looked up.
        rate_limit: of each caller; None: there is none.
        crowd: how many may be under way at a time.
        lifespan: starts and stops what the service needs.

    Raises:
        TypeError: a route takes a JSON body without `api_router`, so without limit and strictness.
    """
    app: FastAPI = FastAPIOffline(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        redoc_url=None,
        static_url="/static-docs",
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.authenticator = authenticator
    app.state.rate_limit = rate_limit or UNLIMITED
    parts = {**readiness, "issuer": authenticator.ready}
    for router in (*routers, health_routes(registry, parts, samplers)):
        _require_strictness(router)
        # Not included but joined: an included router is matched twice for each call.
        app.router.routes.extend(router.routes)
    problem_details.install(app)
    openapi.install(app)
    app.middleware_stack = _layers(app, crowd or CrowdLimits())
    return app


def _layers(app: FastAPI, crowd: CrowdLimits) -> ASGIApp:
    """Ours alone; FastAPI's further ones would do nothing for each call."""
    return Edge(CrowdLimit(DirectCalls(app), crowd))


class DirectCalls:
    """Goes straight to the routes that answer directly; all other calls look for theirs."""

    def __init__(self, app: FastAPI) -> None:
        """The routes are those of `app`, and so are the answers to what they raise."""
        self._told = partial(ExceptionMiddleware, handlers=app.exception_handlers)
        self._others = self._told(AsyncExitStackMiddleware(app.router))
        self._routes = {
            (method, route.path): route
            for route in app.routes
            if isinstance(route, ApiRoute) and route.is_direct
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await self._others(scope, receive, send)
            return
        scope["route"] = route
        try:
            await route.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  answered as the others'
            await self._told(_raising(error))(scope, receive, send)


def _raising(error: Exception) -> ASGIApp:
    async def app(_: Scope, __: Receive, ___: Send) -> None:
        raise error

    return app


def _require_strictness(router: APIRouter) -> None:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.body_field and not isinstance(route, ApiRoute):
            raise TypeError(f"{route.path} takes a body: make its router with api_router()")
