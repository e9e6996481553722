"""The pages of one part of the system, as something that a service's application can hold."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bmt.pages.edge import PageEdge
from bmt.pages.layout import ROOM, STATIC, Layout
from bmt.pages.login import Login
from bmt.pages.refusals import Refusals
from bmt.pages.session import EIGHT_HOURS


def pages(
    layout: Layout, login: Login, routers: Sequence[APIRouter], *, session_key: str, secure: bool
) -> APIRouter:
    """The pages below the layout's prefix, and their stylesheet.

    Args:
        layout: how they look.
        login: how one signs in.
        routers: the pages themselves.
        session_key: signs the visitor's cookie.
        secure: the cookie is sent through TLS alone.
    """
    refusals = Refusals(layout, login)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in (login.routes(layout), *routers):
        app.include_router(router)
    refusals.install(app)
    app.add_middleware(PageEdge, refusals=refusals)
    app.add_middleware(
        SessionMiddleware,
        secret_key=session_key,
        session_cookie=f"bmt_{layout.prefix.strip('/')}",
        path=layout.prefix,
        max_age=EIGHT_HOURS,
        same_site="lax",
        https_only=secure,
    )
    routes = APIRouter()

    @routes.get(layout.prefix, include_in_schema=False)
    async def begins(_: Request) -> Response:
        return RedirectResponse(f"{layout.prefix}/", 308)

    routes.mount(STATIC, StaticFiles(directory=ROOM / "static"))
    routes.mount(layout.prefix, app)
    return routes
