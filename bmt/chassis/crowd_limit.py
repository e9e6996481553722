"""More calls at a time than can be served: the rest are told at once to come again, and nothing is begun.

Without a bound each new call makes all others slower, until clients give up on calls that are still
worked on, and make them anew. uvicorn's own `limit_concurrency` answers in plain text, and counts idle
connections and those who look after the service's health.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from bmt.chassis.problem_details import problem_response
from bmt.contracts.problems import Refused

MOST_CALLS: Final = 2_000
"""Unless said otherwise: about what one process can do in two seconds."""

ALWAYS_ANSWERED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""A service that is only busy must not be taken for one that is dead."""


class CrowdLimit:
    """Lets so many calls in at a time; the others get `unavailable` (503) with `Retry-After`."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Wraps `app`; `most` is how many calls may be under way."""
        self._app = app
        self._most = most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._most:
            await problem_response(_crowded())(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1


def _crowded() -> Refused:
    return Refused(
        "Too many calls are under way here. Nothing was begun; try again in 1 s.",
        problem="unavailable",
    )
