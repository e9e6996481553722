"""A comment on a request, from whichever way it comes in."""

from collections.abc import Sequence
from typing import Any

from bmt.chassis.clock import Clock
from bmt.chassis.decider import Message
from bmt.chassis.documents import DocumentStore
from bmt.chassis.execution import Executed, Execution
from bmt.chassis.idempotency import CommandContext
from bmt.contracts.http.comments import CommentWritten
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.approval.domain.commands import AddComment
from services.approval.handlers import officer, stream_of


class DocumentUnknown(Refused):
    """A comment names a document that was never handed in."""

    problem = "document_unknown"


async def comment(
    request_id: str,
    written: CommentWritten,
    context: CommandContext,
    execution: Execution[Any, Any],
    documents: DocumentStore,
    clock: Clock,
) -> Executed:
    """An administrator notes something on a request.

    Raises:
        Refused: as the decider says; `document_unknown`.
    """
    command = AddComment(
        text=written.text,
        documents=await _stored(written.documents, documents),
        officer=officer(context),
        agency=context.principal.agency,
        added_at=clock(),
    )
    return await execution.execute(
        Message(
            stream_of(request_id),
            context.causation,
            context.fingerprint,
            command,
            context.traceparent,
        )
    )


async def _stored(ids: Sequence[str], documents: DocumentStore) -> tuple[Document, ...]:
    there = await documents.find(ids) if ids else {}
    missing = [index for index, one in enumerate(ids) if one not in there]
    if missing:
        raise DocumentUnknown(
            "Hand the documents in with POST /v1/documents of intake first.",
            errors=tuple(
                FieldError(pointer=f"/documents/{index}", detail="must be a stored document")
                for index in missing
            ),
        )
    return tuple(Document.model_validate(there[one], from_attributes=True) for one in ids)
