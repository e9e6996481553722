"""The pages of one part of the system, as something that a service's application can hold."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bmt.chassis.auth import Authenticator
from bmt.pages.carried import CarriedToken
from bmt.pages.edge import PageEdge
from bmt.pages.forms import FORM_BYTES
from bmt.pages.layout import ROOM, STATIC, Layout
from bmt.pages.login import Login
from bmt.pages.refusals import Refusals
from bmt.pages.session import EIGHT_HOURS
from bmt.pages.session_ended import SessionEnded
from bmt.pages.settings import PagesSettings


def pages(
    settings: PagesSettings,
    authenticator: Authenticator,
    prefix: str,
    folder: Path,
    make: Callable[[Layout], Sequence[APIRouter]],
    carried: CarriedToken | None = None,
    *,
    most_bytes: int = FORM_BYTES,
    scripts: bool = False,
) -> APIRouter:
    """The pages below `prefix`, and their stylesheet; none where nobody says how they are reached from outside.

    Args:
        settings: the service's.
        authenticator: tells who an access token of the issuer speaks of.
        prefix: what the pages' addresses begin with, such as `/audit`.
        folder: has their `templates/` and `locale/en.po`.
        make: the pages themselves, once it is known how they look.
        carried: seals the visitor's token, where the pages call other services as them.
        most_bytes: the largest form, with its files.
        scripts: whether our own script may make them smoother.
    """
    if not settings.public_url or settings.session_key is None:
        return APIRouter()
    layout = Layout(prefix, [folder], scripts=scripts)
    login = _login(settings, authenticator, prefix, carried)
    refusals = Refusals(layout)
    session_ended = SessionEnded(layout, login, refusals, most_bytes)
    routers = (login.routes(layout), session_ended.routes(), *make(layout))
    app = _application(settings, refusals, routers, scripts=scripts)
    session_ended.install(app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=settings.session_key.get_secret_value(),
        session_cookie=f"bmt_{prefix.strip('/')}",
        path=prefix,
        max_age=EIGHT_HOURS,
        same_site="lax",
        https_only=urlsplit(settings.public_url).scheme == "https",
    )
    routes = APIRouter()
    routes.mount(STATIC, StaticFiles(directory=ROOM / "static"))
    _mount(routes, prefix, app)
    return routes


def public_pages(
    settings: PagesSettings,
    prefix: str,
    folder: Path,
    make: Callable[[Layout], Sequence[APIRouter]],
) -> APIRouter:
    """Pages that nobody signs in to, beside `pages`, whose stylesheet they use; there where those are.

    Args: as those of `pages`.
    """
    if not settings.public_url:
        return APIRouter()
    layout = Layout(prefix, [folder])
    refusals = Refusals(layout, people_sign_in=False)
    routes = APIRouter()
    _mount(routes, prefix, _application(settings, refusals, make(layout)))
    return routes


def _application(
    settings: PagesSettings,
    refusals: Refusals,
    routers: Sequence[APIRouter],
    *,
    scripts: bool = False,
) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        app.include_router(router)
    refusals.install(app)
    own = urlsplit(settings.public_url)
    origin = f"{own.scheme}://{own.netloc}"
    app.add_middleware(PageEdge, refusals=refusals, origin=origin, scripts=scripts)
    return app


def _mount(routes: APIRouter, prefix: str, app: FastAPI) -> None:
    @routes.get(prefix, include_in_schema=False)
    async def begins(_: Request) -> Response:
        return RedirectResponse(f"{prefix}/", 308)

    routes.mount(prefix, app)


def _login(
    settings: PagesSettings,
    authenticator: Authenticator,
    prefix: str,
    carried: CarriedToken | None,
) -> Login:
    secret = settings.login_client_secret
    return Login(
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        public_url=settings.public_url,
        prefix=prefix,
        authenticator=authenticator,
        carried=carried,
    )
