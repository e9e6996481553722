"""Comments over HTTP: what an agency's administrators note on a request, for each other alone."""

from typing import Any

from fastapi import APIRouter

from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.idempotency import answer
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.document_rights import DocumentRights
from bmt.contracts.http.comments import CommentAnswer, CommentWritten
from services.approval.api import AdministratorsCommand
from services.approval.commenting import comment


def routes(execution: Execution[Any, Any], documents: DocumentRights, clock: Clock) -> APIRouter:
    """The call to comment: administrators only, each for the agency in the token."""
    routes = api_router(tags=["comments"])

    @routes.post(
        "/v1/requests/{request_id}/comments",
        summary="Note something on a request, at any time",
        status_code=201,
        response_model=CommentAnswer,
        responses=problems("own_request", "not_found", "validation_failed", "document_unknown"),
    )
    async def add(
        request_id: Id, written: CommentWritten, context: AdministratorsCommand
    ) -> JsonResponse:
        """Colleagues read it with the request; it is never published, nor shown to the applicant."""
        executed = await comment(request_id, written, context, execution, documents, clock)
        (event,) = executed.commit.events
        said = CommentAnswer.model_validate({**event.data, "request_id": request_id})
        return answer(executed, said, 201)

    return routes
