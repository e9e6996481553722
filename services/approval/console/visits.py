"""When the visitor was here before: remembered by their browser, so that what changed meanwhile can be shown."""

import re
import time
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "bmt_visited"
ONE_VISIT_SECONDS: Final = 15 * 60
"""Who comes back within this is still here."""
REMEMBERED_SECONDS: Final = 90 * 24 * 60 * 60

_KEPT: Final = re.compile(r"(\d{1,11})\.(\d{1,11})", re.ASCII)


def since(request: Request) -> datetime | None:
    """When the visit before this one ended; None: there was none that is known of."""
    before, last = _kept(request)
    at = before if _goes_on(last) else last
    return datetime.fromtimestamp(at, UTC) if at else None


def remember(request: Request, response: Response, path: str, *, over_tls: bool) -> None:
    """This look belongs to the visit; `path` is where the cookie is sent to, over TLS alone where browsers come by it."""
    before, last = _kept(request)
    begins = before if _goes_on(last) else last
    response.set_cookie(
        COOKIE,
        f"{begins}.{int(time.time())}",
        max_age=REMEMBERED_SECONDS,
        path=path,
        httponly=True,
        samesite="lax",
        secure=over_tls,
    )


def _goes_on(last: int) -> bool:
    return time.time() - last < ONE_VISIT_SECONDS


def _kept(request: Request) -> tuple[int, int]:
    """When the visit before ended, and the last look; 0: not known."""
    kept = _KEPT.fullmatch(request.cookies.get(COOKIE, ""))
    before, last = (int(kept[1]), int(kept[2])) if kept else (0, 0)
    return (before, last) if last <= time.time() else (0, 0)
