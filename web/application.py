"""Puts the pages of one part of the system together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
from web.backchannel_logout import BackchannelLogout
from web.csrf import CsrfMiddleware
from web.error_pages import Refusals
from web.forms import FORM_BYTES
from web.issuer_client import IssuerClient
from web.layout import ROOM, STATIC, Layout
from web.login import Login
from web.session_ended import SessionEnded
from web.session_store import SESSIONS, SessionKeys, SessionStore
from web.sessions import EIGHT_HOURS, Recognition, Sessions
from web.settings import PagesSettings


def pages(
    settings: PagesSettings,
    builder: ServiceBuilder,
    prefix: str,
    folder: Path,
    make: Callable[[Layout], Sequence[APIRouter]],
    *,
    most_bytes: int = FORM_BYTES,
    scripts: bool = False,
) -> APIRouter:
    """The pages below `prefix`, such as `/audit`, and their stylesheet; none without a public address.

    `folder` has their `templates/` and `locale/en.po`; `make` returns the pages' own routes; `most_bytes` is the
    largest form with its files; `scripts` allows our own script.
    """
    if not settings.public_url or settings.session_key is None:
        return APIRouter()
    layout = Layout(prefix, [folder], scripts=scripts, over_tls=settings.over_tls)
    refusals = Refusals(layout)
    keys = SessionKeys(settings.session_key)
    store = SessionStore(builder.database[SESSIONS], keys, clock.now)
    builder.prepares(store.prepare)
    secret = settings.login_client_secret
    issuer = IssuerClient(
        settings.issuer, settings.login_client_id, secret.get_secret_value() if secret else None
    )
    sessions = Sessions(
        store,
        builder.authenticator,
        issuer.renewed,
        clock.now,
        recheck_seconds=settings.session_recheck_seconds,
    )
    login = Login(issuer, sessions, public_url=settings.public_url, prefix=prefix)
    session_ended = SessionEnded(layout, login, refusals, most_bytes)
    routers = (login.routes(layout), session_ended.routes(), *make(layout))
    app = _application(settings, refusals, routers, sessions, scripts=scripts)
    app.state.rate_limit = builder.rate_limit
    session_ended.install(app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=keys.of("cookies").hex(),
        max_age=int(EIGHT_HOURS.total_seconds()),
        same_site="lax",
        https_only=settings.over_tls,
        **_cookie(prefix, over_tls=settings.over_tls),
    )
    logout = BackchannelLogout(builder.issuer_keys, settings.login_client_id, store)
    routes = APIRouter()
    routes.mount(STATIC, StaticFiles(directory=ROOM / "static"))
    routes.include_router(logout.routes(prefix))
    _mount(routes, prefix, app)
    return routes


def public_pages(
    settings: PagesSettings,
    prefix: str,
    folder: Path,
    make: Callable[[Layout], Sequence[APIRouter]],
) -> APIRouter:
    """Pages without a login, which use the stylesheet of `pages`; none without a public address."""
    if not settings.public_url:
        return APIRouter()
    layout = Layout(prefix, [folder], over_tls=settings.over_tls)
    refusals = Refusals(layout, people_sign_in=False)
    routes = APIRouter()
    _mount(routes, prefix, _application(settings, refusals, make(layout)))
    return routes


def _application(
    settings: PagesSettings,
    refusals: Refusals,
    routers: Sequence[APIRouter],
    sessions: Sessions | None = None,
    *,
    scripts: bool = False,
) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        app.include_router(router)
    refusals.install(app)
    if sessions is not None:
        app.add_middleware(Recognition, sessions=sessions, refusals=refusals)
    app.add_middleware(
        CsrfMiddleware,
        refusals=refusals,
        origin=_origin(settings.public_url),
        issuer=_origin(settings.issuer) if sessions is not None else "",
        scripts=scripts,
    )
    return app


def _mount(routes: APIRouter, prefix: str, app: FastAPI) -> None:
    @routes.get(prefix, include_in_schema=False)
    async def begins(_: Request) -> Response:
        return RedirectResponse(f"{prefix}/", 308)

    routes.mount(prefix, app)


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


def _cookie(prefix: str, *, over_tls: bool) -> dict[str, Any]:
    """Over TLS no other host and no plain connection can set it (RFC 6265bis, 4.1.3.2); it is then for all paths."""
    name = f"bmt_{prefix.strip('/')}"
    if over_tls:
        return {"session_cookie": f"__Host-{name}", "path": "/"}
    return {"session_cookie": name, "path": prefix}
