"""The HTTP API of submissions: what became of them, for the integrators that made them."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.convertors import StringConvertor, register_url_convertor

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.routes import Page, api_router, problems
from bmt.chassis.readmodels import view_store
from bmt.contracts.http.intake import SubmissionOutcome
from services.intake.api import BY_RECEPTION, NewestPage
from services.intake.domain.errors import UnknownSubmission
from services.intake.integrators import LONGEST_ATTRIBUTE, SubmissionDocument
from services.intake.ports import Here
from services.intake.queries import newest


class _Text(StringConvertor):
    """Any id that an integrator chose, with slashes and line ends (a path's `.` excludes those)."""

    regex = "(?s:.*)"


register_url_convertor("text", _Text())

Reading = Annotated[Principal, Depends(require("integrator"))]
SubmissionId = Annotated[
    str,
    Path(
        max_length=LONGEST_ATTRIBUTE,
        description="`ce_id` of the submission, percent-encoded; or the origin of what is no event",
    ),
]
SourceReference = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="what the integrator calls it"),
]

_NAMESAKES: Final = 50

router = api_router(tags=["submissions"])
"""A token's `sub` is the integrator's name."""


@router.get("/v1/submissions", summary="The caller's own submissions, the newest first")
async def find(
    here: Here, principal: Reading, page: NewestPage, source_reference: SourceReference = None
) -> Page[SubmissionOutcome]:
    named = {"source_reference": source_reference} if source_reference else {}
    query = newest(page, {"integrator": principal.subject, **named})
    found = await here.submissions.find(query)
    shown = BY_RECEPTION.page(found, page, _place_of)
    return Page(items=[_outcome(one) for one in shown.items], next_cursor=shown.next_cursor)


@router.get(
    "/v1/submissions/{submission_id:text}",
    responses=problems("not_found"),
    summary="What became of one of the caller's own submissions",
)
async def look(here: Here, submission_id: SubmissionId, principal: Reading) -> SubmissionOutcome:
    named = {"integrator": principal.subject, "submission_id": submission_id}
    found = await here.submissions.find(view_store.Query(equal=named, limit=_NAMESAKES))
    if not found:
        raise UnknownSubmission
    # If several sources use the id: the accepted or the latest one.
    *_, latest = sorted(found, key=lambda one: (one.refused_at is None, one.received_at))
    return _outcome(latest)


def _outcome(document: SubmissionDocument) -> SubmissionOutcome:
    shown = document.model_dump(include=set(SubmissionOutcome.model_fields))
    outcome = "accepted" if document.refused_at is None else "refused"
    return SubmissionOutcome(outcome=outcome, **shown)


def _place_of(document: SubmissionDocument) -> tuple[datetime, str]:
    return document.received_at, document.key
