"""Comments on a request, which only the agency's administrators see."""

from collections.abc import Sequence
from typing import Any

from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.idempotency import CommandContext, answer
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.document_rights import Claimant, DocumentRights
from bmt.contracts.http.comments import CommentAnswer, CommentWritten
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.approval.api import AdministratorsCommand
from services.approval.domain.review import AddComment
from services.approval.handlers import officer, stream_of
from services.approval.ports import Here


class DocumentUnknown(Refused):
    """A comment names a document that its writer did not hand in."""

    problem = "document_unknown"


async def comment(
    request_id: str,
    written: CommentWritten,
    context: CommandContext,
    execution: Execution[Any, Any],
    documents: DocumentRights,
    clock: Clock,
) -> Executed:
    """Add an administrator's comment to a request.

    Raises:
        Refused: as the decider says; `document_unknown`.
    """
    command = AddComment(
        text=written.text,
        documents=await _known(written.documents, documents, Claimant.of(context.principal)),
        officer=officer(context),
        agency=context.principal.agency,
        added_at=clock(),
    )
    return await execution.execute(context.to_command(stream_of(request_id), command))


async def _known(
    ids: Sequence[str], documents: DocumentRights, claimant: Claimant
) -> tuple[Document, ...]:
    there = await documents.find(ids, claimant)
    missing = [index for index, one in enumerate(ids) if one not in there]
    if missing:
        raise DocumentUnknown(
            "Hand the documents in with POST /v1/documents of intake first.",
            errors=tuple(
                FieldError.of(f"/documents/{index}", "document_unknown") for index in missing
            ),
        )
    return tuple(there[one] for one in ids)


router = api_router(tags=["comments"])
"""For administrators of the agency in the token."""


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
    executed = await comment(
        request_id, written, context, here.execution, here.document_rights, here.clock
    )
    (event,) = executed.commit.events
    said = CommentAnswer.model_validate({**event.data, "request_id": request_id})
    return answer(executed, said, 201)
