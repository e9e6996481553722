"""The areas of pages, their login and their middleware. A form whose session ended is shown once more, to be submitted after a login."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, FastAPI
from starlette.datastructures import FormData, Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Authenticator, IssuerKeys
from bmt.chassis.http.limits import RateLimit
from bmt.chassis.http.routes import LimitedRequest
from bmt.chassis.runtime import clock, mongodb
from bmt.contracts.problems import STATUS, FieldError, Refused
from bmt.contracts.values import Role
from web import session
from web.error_pages import Refusals
from web.forms import FORM_BYTES, form_read_before, is_multipart
from web.layout import ROOM, STATIC, Layout
from web.login import BackchannelLogout, IssuerClient, Login, SignInFirst
from web.ports import Ports
from web.session import EIGHT_HOURS, SESSIONS, SessionKeys, Sessions, SessionStore
from web.settings import Settings

SIGNED_IN: Final = "/signed-in"
"""The last page of a login in another tab, below the prefix."""

_SEE_OTHER: Final = 303


class SessionEnded:
    """Answers callers who must sign in first."""

    def __init__(
        self, layout: Layout, login: Login, refusals: Refusals, most_bytes: Callable[[], int]
    ) -> None:
        """`most_bytes` returns the size limit of a form with its files."""
        self._layout = layout
        self._login = login
        self._refusals = refusals
        self._most_bytes = most_bytes

    def install(self, app: FastAPI) -> None:
        @app.exception_handler(SignInFirst)
        async def sign_in(request: Request, _: Any) -> Response:
            if request.method == "POST":
                return await self._unsent_form_page(request)
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(self._login.address(request.url.path + query), _SEE_OTHER)

    def routes(self) -> APIRouter:
        routes = APIRouter()

        @routes.get(SIGNED_IN)
        async def signed_in(request: Request) -> Response:
            return self._layout.page(request, "signed_in.html")

        return routes

    async def _unsent_form_page(self, request: Request) -> Response:
        try:
            unsent = await unsent_form(request, self._most_bytes())
        except Refused as refused:
            return self._refusals.page(request, refused)
        return self._layout.page(
            request,
            "session_ended.html",
            STATUS["unauthenticated"],
            unsent=unsent,
            file_fields=dict.fromkeys(field for field, _ in unsent.files),
            sign_in=self._login.address(f"{self._layout.prefix}{SIGNED_IN}"),
        )


@dataclass(frozen=True, slots=True)
class UnsentForm:
    """The form of an ended session: its texts as (field, value), and its files as (field, file name), without content."""

    texts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]


class _TextAlone(MultiPartParser):
    """Skips the bytes of files: an unknown sender's files are not written to disk."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            super().on_part_data(data, start, end)


async def unsent_form(request: Request, most_bytes: int) -> UnsentForm:
    """A form's text, at most `FORM_BYTES`; the whole form has at most `most_bytes` with its files.

    Raises:
        Refused: `too_large`; `validation_failed`, if it is no form.
    """
    form = form_read_before(request) or await _read(request, most_bytes)
    texts, files = [], []
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            texts.append((name, value))
        elif value.filename:
            files.append((name, value.filename))
    await form.close()
    if sum(len(name) + len(text) for name, text in texts) > FORM_BYTES:
        raise Refused(f"A form may have at most {FORM_BYTES} bytes.", problem="too_large")
    return UnsentForm(texts, files)


async def _read(request: Request, most_bytes: int) -> FormData:
    has_files = is_multipart(request)
    limited = LimitedRequest(
        request.scope, request.receive, most_bytes if has_files else FORM_BYTES
    )
    try:
        if not has_files:
            return await limited.form()
        async with aclosing(limited.stream()) as stream:
            return await _TextAlone(limited.headers, stream).parse()
    except (MultiPartException, HTTPException):
        wrong = FieldError.of("", "not_a_form")
        raise Refused(wrong.detail, problem="validation_failed", errors=(wrong,)) from None


ACCOUNT: Final = "/account"
"""Below it visitors sign in and out."""
MY: Final = "/my"
"""The area of users who have none of the areas' roles."""


@dataclass(frozen=True, slots=True)
class Area:
    """The pages below one prefix, such as `/audit`.

    Attributes:
        folder: has their `templates/` and `locale/en.po`.
        routers: their routes, which reach `Ports` by `Here`.
        roles: `/` redirects users with one of these roles to this area.
        other_roles: `/` redirects users with this role to this page of the area.
        always: values for every page, such as a menu's.
        takes_files: whether forms have files.
        scripts: whether the pages load our own script.
        is_public: nobody signs in.
    """

    prefix: str
    folder: Path
    routers: Sequence[APIRouter]
    roles: tuple[Role, ...] = ()
    other_roles: Mapping[Role, str] = field(default_factory=dict)
    always: dict[str, Any] | None = None
    takes_files: bool = False
    scripts: bool = False
    is_public: bool = False


class Site:
    """The areas, with the login that they share."""

    def __init__(
        self,
        settings: Settings,
        areas: Sequence[Area],
        *,
        database: mongodb.Database,
        issuer_keys: IssuerKeys,
        authenticator: Authenticator,
        rate_limit: RateLimit,
    ) -> None:
        """`database` stores the sessions, `authenticator` verifies their tokens, `rate_limit` applies to each visitor."""
        self._settings = settings
        self._areas = areas
        self._rate_limit = rate_limit
        self._keys = SessionKeys(settings.session_key)
        self._store = SessionStore(database[SESSIONS], self._keys, clock.now)
        secret = settings.login_client_secret
        issuer = IssuerClient(
            settings.issuer, settings.login_client_id, secret.get_secret_value() if secret else None
        )
        self._sessions = Sessions(
            self._store,
            authenticator,
            issuer.renewed,
            clock.now,
            recheck_seconds=settings.session_recheck_seconds,
        )
        self._logout = BackchannelLogout(issuer_keys, settings.login_client_id, self._store)
        self._login = Login(
            issuer,
            self._sessions,
            public_url=settings.public_url,
            prefix=ACCOUNT,
            areas=[area.prefix for area in areas],
        )

    async def prepare(self) -> None:
        await self._store.prepare()

    def routes(self, ports: Ports) -> APIRouter:
        """Everything below the public address. `ports` is given to each area with a layout of its own."""
        routes = APIRouter()

        @routes.get("/", include_in_schema=False)
        async def begins(_: Request) -> Response:
            return RedirectResponse(f"{ACCOUNT}/", _SEE_OTHER)

        routes.mount(STATIC, StaticFiles(directory=ROOM / "static"))
        routes.include_router(self._logout.routes(ACCOUNT))
        account = Area(ACCOUNT, ROOM, [self._first_page()])
        for area in (account, *self._areas):
            layout = Layout(
                area.prefix,
                [area.folder],
                account=ACCOUNT,
                scripts=area.scripts,
                over_tls=self._settings.over_tls,
            )
            layout.always(**(area.always or {}))
            _mount(routes, area.prefix, self._application(area, replace(ports, layout=layout)))
        return routes

    def _first_page(self) -> APIRouter:
        routes = APIRouter()

        @routes.get("/")
        async def first(request: Request) -> Response:
            """Redirects to the first area that the visitor may use."""
            if (visitor := session.visitor(request)) is None:
                raise SignInFirst
            there = [f"{area.prefix}/" for area in self._areas if visitor.has(*area.roles)]
            there += [
                f"{area.prefix}{path}"
                for area in self._areas
                for role, path in area.other_roles.items()
                if visitor.has(role)
            ]
            return RedirectResponse(there[0] if there else f"{MY}/", _SEE_OTHER)

        return routes

    def _application(self, area: Area, ports: Ports) -> FastAPI:
        layout = ports.layout
        refusals = Refusals(layout, people_sign_in=not area.is_public)
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        app.state.ports = ports
        app.state.rate_limit = self._rate_limit
        for router in area.routers:
            app.include_router(router)
        refusals.install(app)
        issuer = ""
        if not area.is_public:
            most_bytes = ports.uploads.most_bytes if area.takes_files else lambda: FORM_BYTES
            ended = SessionEnded(layout, self._login, refusals, most_bytes)
            app.include_router(
                self._login.routes(layout) if area.prefix == ACCOUNT else APIRouter()
            )
            app.include_router(ended.routes())
            ended.install(app)
            app.add_middleware(Recognition, sessions=self._sessions, refusals=refusals)
            issuer = _origin(self._settings.issuer)
        app.add_middleware(
            CsrfMiddleware,
            refusals=refusals,
            origin=_origin(self._settings.public_url),
            issuer=issuer,
            scripts=area.scripts,
        )
        if not area.is_public:
            app.add_middleware(
                SessionMiddleware,
                secret_key=self._keys.of("cookies").hex(),
                max_age=int(EIGHT_HOURS.total_seconds()),
                same_site="lax",
                https_only=self._settings.over_tls,
                session_cookie="__Host-bmt" if self._settings.over_tls else "bmt",
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


class Recognition:
    """The middleware that finds the session of each call."""

    def __init__(self, app: ASGIApp, sessions: Sessions, refusals: Refusals) -> None:
        """`SessionMiddleware` must run before it."""
        self._app = app
        self._sessions = sessions
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            session.put(request, await self._sessions.of(request))
        except Unavailable as error:
            await self._refusals.unavailable(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


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
        """Fetch Metadata decides, else the Origin header (OWASP). A form with neither header is refused."""
        if scope["type"] != "http" or scope["method"] in _SAFE:
            return False
        headers = Headers(scope=scope)
        if (site := headers.get("sec-fetch-site")) is not None:
            return site != "same-origin"
        return headers.get("origin") != self._origin
