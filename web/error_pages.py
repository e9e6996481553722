"""The error pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import observability
from bmt.contracts.problems import STATUS, Refused, field_errors
from web.layout import Layout

_TRY_AGAIN: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
"""These pages say when to retry, as the API does."""
_TITLES: Final[Mapping[str, str]] = {
    "not_found": "Tidak dijumpai",
    "forbidden": "Tidak dibenarkan",
    "unauthenticated": "Log masuk tidak berjaya",
    "validation_failed": "Permintaan tidak dapat difahami",
    "too_many_requests": "Terlalu banyak permintaan",
    "unavailable": "Tidak tersedia buat sementara",
    "too_large": "Terlalu besar",
    "internal": "Ralat dalaman",
}
_ELSE: Final = "Tidak dapat dilakukan"
_OF_ANOTHER_SITE: Final = "Borang ini bukan dari halaman ini"
FIELDS: Final[Mapping[str, str]] = {
    "/query/from": "Diterima dari",
    "/query/to": "Diterima hingga",
    "/query/q": "Perkataan",
    "/query/agency": "Agensi",
    "/query/status": "Status",
}
"""The labels of query parameters that people fill in."""
TEXTS: Final = (*_TITLES.values(), _ELSE, _OF_ANOTHER_SITE, *FIELDS.values())
"""All texts, for the catalogue."""


class OfAnotherSite(Refused):
    """Another site's page made the user send a form."""

    problem = "forbidden"
    code = "of_another_site"


class Refusals:
    """Renders a page for each refusal."""

    def __init__(self, layout: Layout, *, people_sign_in: bool = True) -> None:
        """`people_sign_in`: these pages have a login."""
        self._layout = layout
        self._people_sign_in = people_sign_in

    def page(self, request: Request, refused: Refused) -> Response:
        """A page that says what to do now, and never repeats what was sent."""
        return self._page(request, refused, _TITLES.get(refused.problem, _ELSE))

    def unavailable(self, request: Request, error: Unavailable) -> Response:
        when = {"retry_after_seconds": error.retry_after_seconds}
        return self.page(request, Refused(problem="unavailable", extra=when))

    def of_another_site(self, request: Request) -> Response:
        return self._page(request, OfAnotherSite(), _OF_ANOTHER_SITE)

    def _page(self, request: Request, refused: Refused, title: str) -> Response:
        traceparent = observability.current_trace.get()
        status = STATUS[refused.problem]
        page = self._layout.page(
            request,
            "refused.html",
            status,
            title=title,
            sentence=self._layout.language(request).refusal(refused),
            faults=refused.errors,
            fields=FIELDS,
            may_sign_in=self._people_sign_in
            and refused.problem in ("unauthenticated", "forbidden"),
            trace=observability.trace_id(traceparent) if traceparent else None,
        )
        if status in _TRY_AGAIN:
            page.headers["retry-after"] = str(refused.extra.get("retry_after_seconds", 1))
        return page

    def install(self, app: FastAPI) -> None:
        """Answers all refusals of `app` with pages."""

        @app.exception_handler(Refused)
        async def refused(request: Request, error: Any) -> Response:
            return self.page(request, error)

        @app.exception_handler(Unavailable)
        async def unavailable(request: Request, error: Any) -> Response:
            return self.unavailable(request, error)

        @app.exception_handler(RequestValidationError)
        async def invalid(request: Request, error: Any) -> Response:
            faults = field_errors(error.errors(), error.body)
            return self.page(request, Refused(problem="validation_failed", errors=faults))

        @app.exception_handler(HTTPException)
        async def unknown(request: Request, _: Any) -> Response:
            return self.page(request, Refused(problem="not_found"))
