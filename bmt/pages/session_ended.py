"""What becomes of a form whose sender's session ended meanwhile: its text stands in the answer, to be sent again.

Nothing is kept on the server, and it works without scripts: people sign in in another tab, and send it from here.
"""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.contracts.problems import STATUS, Refused
from bmt.pages.kept_text import kept_text
from bmt.pages.layout import Layout
from bmt.pages.login import Login, SignInFirst
from bmt.pages.refusals import Refusals

SIGNED_IN: Final = "/signed-in"
"""Where signing in in another tab ends, below the prefix."""

_SEE_OTHER: Final = 303


class SessionEnded:
    """Answers who is not signed in, or no longer."""

    def __init__(self, layout: Layout, login: Login, refusals: Refusals, most_bytes: int) -> None:
        """`most_bytes` is the largest form of these pages, with its files."""
        self._layout = layout
        self._login = login
        self._refusals = refusals
        self._most_bytes = most_bytes

    def install(self, app: FastAPI) -> None:
        """Answer for `app` whom it asks to sign in first."""

        @app.exception_handler(SignInFirst)
        async def sign_in(request: Request, _: Any) -> Response:
            if request.method == "POST":
                return await self._kept(request)
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(self._login.address(request.url.path + query), _SEE_OTHER)

    def routes(self) -> APIRouter:
        """Where signing in in another tab ends."""
        routes = APIRouter()

        @routes.get(SIGNED_IN)
        async def signed_in(request: Request) -> Response:
            return self._layout.page(request, "signed_in.html")

        return routes

    async def _kept(self, request: Request) -> Response:
        try:
            kept = await kept_text(request, self._most_bytes)
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
