"""What a visitor reads when a call is refused."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis import tracing
from bmt.chassis.errors import Unavailable
from bmt.chassis.field_errors import field_errors
from bmt.contracts.problems import STATUS, Refused
from bmt.pages.layout import Layout
from bmt.pages.login import Login, SignInFirst

_SEE_OTHER: Final = 303
_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "not_found": (
        "Tidak dijumpai",
        "Halaman ini tidak wujud, atau ia milik agensi lain.",
    ),
    "forbidden": (
        "Tidak dibenarkan",
        "Akaun anda tidak mempunyai peranan yang diperlukan untuk halaman ini.",
    ),
    "unauthenticated": (
        "Log masuk tidak berjaya",
        "Sila log masuk semula. Jika masalah berterusan, hubungi pentadbir sistem.",
    ),
    "validation_failed": (
        "Permintaan tidak dapat difahami",
        "Sila betulkan perkara berikut dan cuba semula.",
    ),
    "too_many_requests": (
        "Terlalu banyak permintaan",
        "Sila tunggu sebentar dan cuba semula.",
    ),
    "unavailable": (
        "Tidak tersedia buat sementara",
        "Satu bahagian sistem tidak dapat dihubungi. Tiada apa-apa yang hilang; cuba semula sebentar lagi.",
    ),
    "too_large": (
        "Terlalu besar",
        "Dokumen dalam fail ini terlalu besar untuk satu arkib.",
    ),
}
_ELSE: Final = (
    "Ralat dalaman",
    "Sesuatu yang tidak dijangka telah berlaku dan telah dicatat. Cuba semula sebentar lagi.",
)
_OF_ANOTHER_SITE: Final = (
    "Borang ini bukan dari halaman ini",
    "Tiada apa-apa yang dilakukan. Buka halaman ini sendiri dan hantar borang dari situ.",
)
TEXTS: Final = tuple(text for pair in (*_SAID.values(), _ELSE, _OF_ANOTHER_SITE) for text in pair)
"""All of them, for the catalogue."""


class Refusals:
    """Makes a page of each refusal."""

    def __init__(self, layout: Layout, login: Login) -> None:
        self._layout = layout
        self._login = login

    def page(self, request: Request, refused: Refused) -> Response:
        """The page, which says what to do now; it never repeats what was sent."""
        return self._page(request, refused, *_SAID.get(refused.problem, _ELSE))

    def of_another_site(self, request: Request) -> Response:
        """The page for who was made to send a form by somebody else's page."""
        return self._page(request, Refused(problem="forbidden"), *_OF_ANOTHER_SITE)

    def _page(self, request: Request, refused: Refused, title: str, said: str) -> Response:
        traceparent = tracing.current.get()
        return self._layout.page(
            request,
            "refused.html",
            STATUS[refused.problem],
            title=title,
            said=said,
            faults=refused.errors,
            may_sign_in=refused.problem in ("unauthenticated", "forbidden"),
            trace=tracing.trace_id(traceparent) if traceparent else None,
        )

    def install(self, app: FastAPI) -> None:
        """Make a page of everything that `app` refuses."""

        @app.exception_handler(SignInFirst)
        async def sign_in(request: Request, _: Any) -> Response:
            # Also of a form: it is sent to the page that it stands on.
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(self._login.address(request.url.path + query), _SEE_OTHER)

        @app.exception_handler(Refused)
        async def refused(request: Request, error: Any) -> Response:
            return self.page(request, error)

        @app.exception_handler(Unavailable)
        async def unavailable(request: Request, _: Any) -> Response:
            return self.page(request, Refused(problem="unavailable"))

        @app.exception_handler(RequestValidationError)
        async def invalid(request: Request, error: Any) -> Response:
            faults = field_errors(error.errors(), error.body)
            return self.page(request, Refused(problem="validation_failed", errors=faults))

        @app.exception_handler(HTTPException)
        async def unknown(request: Request, _: Any) -> Response:
            return self.page(request, Refused(problem="not_found"))
