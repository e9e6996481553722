"""The HTTP API of approval: the worklist, one request, its decisions and comments, bulk decisions, live changes."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime, StringConstraints
from starlette.responses import Response

from bmt.agencies import assignments
from bmt.chassis.http import bodies
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse, file_response
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    QueryTime,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.http.sorting import SortedPage, Sorting
from bmt.chassis.runtime import documents
from bmt.contracts.http.approval import (
    CommentAnswer,
    CommentWritten,
    DecisionMade,
    Held,
    ListedRequest,
    RequestUnderReview,
    Ruling,
    RulingResults,
    Rulings,
    Step,
    WorklistChanged,
    WorklistCounts,
    WorklistItem,
)
from bmt.contracts.http.assignments import Whose
from bmt.contracts.problems import Refused
from bmt.contracts.values import NO_CONTROL, Channel, Kind
from services.approval import handlers, views
from services.approval.domain.errors import UnknownRequest
from services.approval.handlers import decision_made, policy_of
from services.approval.ports import Here
from services.approval.views import Filter, as_seen_by

ON_THE_WORKLIST: Final = Sorting(
    {
        "due_at": AwareDatetime,
        "name": str,
        "kind": str,
        "channel": str,
        "quota_bytes": int | None,
        "received_at": AwareDatetime,
    }
)
BY_CHANGE: Final = Sorting(
    {"changed_at": AwareDatetime, "name": str, "kind": str}, newest_first=True
)
MOST_NAMED: Final = 100
"""How many requests a list may be asked for by their ids."""

ADMINISTRATOR: Final = Depends(require("administrator"))
Administrator = Annotated[Principal, ADMINISTRATOR]
AdministratorsCommand = Annotated[CommandContext, Depends(command("administrator"))]
CorrectorsCommand = Annotated[CommandContext, Depends(command("administrator", "applicant"))]
WorklistPage = Annotated[SortedPage, Depends(ON_THE_WORKLIST.requested)]
ChangesPage = Annotated[SortedPage, Depends(BY_CHANGE.requested)]
ChangedSince = Annotated[QueryTime | None, Query(description="only what changed then or later")]
RequestIds = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=200)]],
    Query(max_length=MOST_NAMED, description="only these; other agencies' are left out"),
]


async def _review(here: Here, request_id: Id, caller: Administrator) -> RequestUnderReview:
    """A request of the caller's agency, as the caller may see it.

    Raises:
        UnknownRequest: there is none.
    """
    review = await here.reviews.get(request_id)
    if review is None or review.agency != caller.agency:
        raise UnknownRequest
    may = policy_of(caller.agency, here.agencies).registrar_may_approve
    seen = as_seen_by(review, caller, registrar_may_approve=may)
    return (await here.assignments.with_assignments([seen], lambda one: one.request_id))[0]


Reviewed = Annotated[RequestUnderReview, Depends(_review)]


def _only(
    kind: Annotated[Kind | None, Query(description="only of this kind")] = None,
    channel: Annotated[Channel | None, Query(description="only what came in by this")] = None,
    warned: Annotated[
        bool | None, Query(description="only with warnings, or only without any")
    ] = None,
    due_before: Annotated[
        QueryTime | None, Query(description="only what must be decided before then")
    ] = None,
    request_id: RequestIds = [],  # noqa: B006  FastAPI copies it
) -> Filter:
    return Filter(kind, warned, due_before, channel, request_id)


Only = Annotated[Filter, Depends(_only)]


async def _taken(review: Reviewed) -> str:
    return review.request_id


assignment = assignments.routes("/v1/requests/{request_id}/assignment", "approval", _taken)

router = api_router(tags=["approval"])
"""Administrators act for the agency in their token; applicants may only place a hold."""


@router.get("/v1/worklist", summary="Open requests, due first at the top")
async def worklist(
    here: Here,
    caller: Administrator,
    page: WorklistPage,
    only: Only,
    assigned: Annotated[
        Whose | None, Query(description="only what the caller has taken, or what nobody has")
    ] = None,
) -> Page[WorklistItem]:
    query = views.worklist(caller.agency, page, only)
    found = await here.reviews.find(await here.assignments.filtered(query, assigned, caller))
    may = policy_of(caller.agency, here.agencies).registrar_may_approve
    listed = [views.on_worklist(review, caller, registrar_may_approve=may) for review in found]
    items = await here.assignments.with_assignments(listed, lambda one: one.request_id)
    return ON_THE_WORKLIST.page(items, page, key=lambda item: views.place_of(item, page.order))


@router.get("/v1/worklist/counts", summary="How many requests wait, and how many changed")
async def counts(
    here: Here, caller: Administrator, changed_since: ChangedSince = None
) -> WorklistCounts:
    may = policy_of(caller.agency, here.agencies).registrar_may_approve
    return await views.counts(
        here.reviews, caller, here.clock(), changed_since, registrar_may_approve=may
    )


@router.get(
    "/v1/worklist/live",
    summary="How many requests changed, whenever the number changes",
    description="Events `changed` (`WorklistChanged`). The stream ends by itself: then connect again.",
    response_class=EventSourceResponse,
)
async def worklist_live(
    here: Here,
    caller: Administrator,
    since: Annotated[QueryTime, Query()],
    seconds: bodies.Seconds = bodies.LASTS_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    async def look() -> WorklistChanged | None:
        count = await views.changes(here.reviews, caller.agency, since)
        return WorklistChanged(count=count) if count else None

    async for event in bodies.live_changes(look, here.change_signal, seconds):
        yield event


@router.get(
    "/v1/requests",
    summary="Requests of the agency, the latest change first",
    description="Only what the caller did (`by_me`) can be sorted otherwise.",
)
async def requests(
    here: Here,
    caller: Administrator,
    page: ChangesPage,
    changed_since: ChangedSince = None,
    request_id: RequestIds = [],  # noqa: B006  FastAPI copies it
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            pattern=NO_CONTROL,
            description="Words, or how they begin: of the reference, account, name and e-mail address. "
            "Case and accents do not matter.",
        ),
    ] = None,
    *,
    by_me: Annotated[
        bool, Query(description="only those on which the caller did something here")
    ] = False,
) -> Page[ListedRequest]:
    by = caller.subject if by_me else None
    if not by_me:
        BY_CHANGE.require_own(page)
    found = await views.changed(
        here.reviews, caller.agency, page, changed_since, request_id, text=q, by=by
    )
    items = [views.listed(review) for review in found]
    return BY_CHANGE.page(items, page, key=lambda item: views.place_of(item, page.order))


@router.get(
    "/v1/requests/{request_id}",
    summary="All that a decider needs",
    dependencies=[ADMINISTRATOR],
)
async def request(review: Reviewed) -> RequestUnderReview:
    return review


@router.get(
    "/v1/requests/{request_id}/live",
    summary="What happens to a request after its first steps, at once",
    dependencies=[ADMINISTRATOR],
    description="Events `changed` (`Step`, the last one). The stream ends by itself: then connect again.",
    response_class=EventSourceResponse,
    responses=problems("not_found"),
)
async def request_live(
    here: Here,
    review: Reviewed,
    steps: Annotated[int, Query(ge=0, le=100_000, description="how many of its steps are known")],
    seconds: bodies.Seconds = bodies.LASTS_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    async def look() -> Step | None:
        now = await here.reviews.get(review.request_id)
        return now.history[-1] if now and len(now.history) > steps else None

    async for event in bodies.live_changes(look, here.change_signal, seconds):
        yield event


@router.get(
    "/v1/requests/{request_id}/documents/{document_id}",
    summary="A document of a request or of its comments, byte for byte",
    dependencies=[ADMINISTRATOR],
    response_class=Response,
    responses=problems("not_found"),
)
async def document(here: Here, review: Reviewed, document_id: Id) -> Response:
    every = (*review.documents, *(one for each in review.comments for one in each.documents))
    found = next((one for one in every if one.document_id == document_id), None)
    if found is None:
        raise NoSuchDocument
    try:
        stored, chunks = await here.documents.open(document_id)
    except documents.DocumentUnknown:
        raise NoSuchDocument from None
    return file_response(
        chunks,
        filename=found.filename,
        media_type=found.media_type,
        size_bytes=stored.size_bytes,
    )


class NoSuchDocument(Refused):
    """The request has no such document, or it is no longer kept."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("The request has no document of this id.")


@router.post(
    "/v1/requests/{request_id}/decision",
    summary="Approve, reject or return",
    status_code=201,
    response_model=DecisionMade,
    responses=problems(
        "own_request",
        "another_person_needed",
        "not_found",
        "already_decided",
        "request_closed",
        "validation_failed",
        "warnings_need_reason",
        "quota_exceeds_maximum",
    ),
)
async def decide(
    here: Here, request_id: Id, ruling: Ruling, context: AdministratorsCommand
) -> JsonResponse:
    executed = await handlers.decide(
        request_id, ruling, context, here.execution, here.agencies, here.clock
    )
    return answer(executed, decision_made(executed.commit), 201)


@router.post(
    "/v1/requests/{request_id}/hold",
    summary="Let nobody decide on a request for a moment, while it is corrected",
    description="Intake asks for it, as the caller of its correction: the correction then comes before "
    "any decision, or is refused as `already_decided`. It ends when the correction is heard.",
    status_code=201,
    response_model=Held,
    responses=problems("not_found", "already_decided", "request_closed"),
)
async def hold(here: Here, request_id: Id, context: CorrectorsCommand) -> JsonResponse:
    executed = await handlers.hold(request_id, context, here.execution, here.clock)
    return answer(executed, Held(**executed.commit.events[0].data), 201)


@router.post(
    "/v1/requests/{request_id}/comments",
    summary="Note something on a request, at any time",
    status_code=201,
    response_model=CommentAnswer,
    responses=problems("own_request", "not_found", "validation_failed", "document_unknown"),
)
async def add(
    here: Here, request_id: Id, written: CommentWritten, context: AdministratorsCommand
) -> JsonResponse:
    """Colleagues read it with the request; it is never published, nor shown to the applicant."""
    executed = await handlers.comment(
        request_id, written, context, here.execution, here.document_rights, here.clock
    )
    (event,) = executed.commit.events
    comment = CommentAnswer.model_validate({**event.data, "request_id": request_id})
    return answer(executed, comment, 201)


@router.post(
    "/v1/decisions",
    summary="Decide on many requests, each by itself",
    response_model=RulingResults,
    responses=problems("validation_failed"),
)
async def decide_all(here: Here, rulings: Rulings, context: AdministratorsCommand) -> JsonResponse:
    answered = await handlers.decide_all(
        rulings.items, context, here.execution, here.agencies, here.clock
    )
    return answer(answered, answered.body)
