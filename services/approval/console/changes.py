"""What changed: since the visitor was here, and while a page is open."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.approval import RequestUnderReview, Step
from bmt.pages import session
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted, SignInFirst
from services.approval import views
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.console.live import GoesOn, Live
from services.approval.views import Reviews

MOST_SHOWN: Final = 100

Since = Annotated[AwareDatetime, Query()]
Steps = Annotated[int, Query(ge=0, le=100_000)]


def routes(
    layout: Layout, desk: Desk, reviews: Reviews, live: Live, admitted: Admitted
) -> APIRouter:
    """The page of changes, and the streams that tell of them."""
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/changes")
    async def changes(
        request: Request, visitor: Annotated[Principal, caller], since: Since
    ) -> Response:
        found = await views.changed(reviews, visitor.agency, since, MOST_SHOWN)
        return layout.page(
            request,
            "changes.html",
            found=found,
            since=since,
            complete=len(found) < MOST_SHOWN,
            wording=wording,
        )

    @routes.get("/live", response_class=EventSourceResponse)
    async def of_agency(
        request: Request, visitor: Annotated[Principal, caller], since: Since
    ) -> AsyncIterator[ServerSentEvent]:
        async for event in live.of_agency(visitor.agency, since, _goes_on(request)):
            yield event

    @routes.get("/requests/{request_id}/live", response_class=EventSourceResponse)
    async def of_request(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller], steps: Steps
    ) -> AsyncIterator[ServerSentEvent]:
        await desk.review_of(request_id, visitor)
        text = layout.language(request).text

        def what(review: RequestUnderReview) -> str:
            last = review.history[-1]
            by = f" · {last.by}" if last.by else ""
            return f"{_said(last, text)}{by}"

        async for event in live.of_request(request_id, steps, what, _goes_on(request)):
            yield event

    return routes


def _goes_on(request: Request) -> GoesOn:
    signed_in = session.of(request)
    if signed_in is None:
        raise SignInFirst
    return signed_in.goes_on


def _said(last: Step, text: Callable[[str], str]) -> str:
    """What happened last; an approval that is not the last changes no status."""
    if last.levels is None:
        return text(wording.STATUS[last.step])
    of = text("daripada")
    return f"{text('Kelulusan')} {last.levels.given} {of} {last.levels.needed}"
