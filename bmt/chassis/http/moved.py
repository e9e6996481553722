"""The former addresses of pages, which lead to where the pages are now."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

PERMANENT: Final = 308
"""The method and a form's content stay (RFC 9110, 15.4.9)."""
_FOUND: Final = 307


def moved_pages(web_url: str, prefixes: Sequence[str]) -> APIRouter:
    """Redirects `/` and everything below `prefixes` to the same path below `web_url`; nothing if it is empty."""
    routes = APIRouter(include_in_schema=False)
    if not web_url:
        return routes
    there = web_url.rstrip("/")

    @routes.get("/")
    async def begins() -> Response:
        return RedirectResponse(f"{there}/", _FOUND)

    async def moved(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        path = request.scope.get("raw_path", b"").decode("ascii") or request.url.path
        return RedirectResponse(f"{there}{path}{query}", PERMANENT)

    for prefix in prefixes:
        for path in (prefix, prefix + "/{rest:path}"):
            routes.add_api_route(path, moved, methods=["GET", "POST"])
    return routes
