"""A form whose sender's session ended: the answer contains its text, to be sent again.

Nothing is stored, and no script is needed: people sign in in another tab and send the form from here.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.routes import LimitedRequest
from bmt.contracts.problems import STATUS, FieldError, Refused
from web.error_pages import Refusals
from web.forms import FORM_BYTES, is_multipart, taken
from web.layout import Layout
from web.login import Login, SignInFirst

SIGNED_IN: Final = "/signed-in"
"""The last page of a login in another tab, below the prefix."""

_SEE_OTHER: Final = 303


class SessionEnded:
    """Answers callers who must sign in first."""

    def __init__(
        self, layout: Layout, login: Login, refusals: Refusals, most_bytes: Callable[[], int]
    ) -> None:
        """`most_bytes` of the largest form of these pages, with its files."""
        self._layout = layout
        self._login = login
        self._refusals = refusals
        self._most_bytes = most_bytes

    def install(self, app: FastAPI) -> None:
        @app.exception_handler(SignInFirst)
        async def sign_in(request: Request, _: Any) -> Response:
            if request.method == "POST":
                return await self._kept(request)
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(self._login.address(request.url.path + query), _SEE_OTHER)

    def routes(self) -> APIRouter:
        routes = APIRouter()

        @routes.get(SIGNED_IN)
        async def signed_in(request: Request) -> Response:
            return self._layout.page(request, "signed_in.html")

        return routes

    async def _kept(self, request: Request) -> Response:
        try:
            kept = await kept_text(request, self._most_bytes())
        except Refused as refused:
            return self._refusals.page(request, refused)
        return self._layout.page(
            request,
            "session_ended.html",
            STATUS["unauthenticated"],
            kept=kept,
            file_fields=dict.fromkeys(field for field, _ in kept.files),
            sign_in=self._login.address(f"{self._layout.prefix}{SIGNED_IN}"),
        )


@dataclass(frozen=True, slots=True)
class KeptText:
    """The fields (name, value) of a form, and its files (field, name), which are not kept."""

    texts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]


class _TextAlone(MultiPartParser):
    """Skips the bytes of files: an unknown sender's files are not written to disk."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            super().on_part_data(data, start, end)


async def kept_text(request: Request, most_bytes: int) -> KeptText:
    """A form's text, at most `FORM_BYTES`; the whole form has at most `most_bytes` with its files.

    Raises:
        Refused: `too_large`; `validation_failed`, if it is no form.
    """
    form = taken(request) or await _read(request, most_bytes)
    texts, files = [], []
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            texts.append((name, value))
        elif value.filename:
            files.append((name, value.filename))
    await form.close()
    if sum(len(name) + len(text) for name, text in texts) > FORM_BYTES:
        raise Refused(f"A form may have at most {FORM_BYTES} bytes.", problem="too_large")
    return KeptText(texts, files)


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
