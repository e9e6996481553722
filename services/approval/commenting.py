"""A comment on a request, from whichever way it comes in."""

from collections.abc import Sequence
from typing import Any

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.document_rights import Claimant, DocumentRights
from bmt.contracts.http.comments import CommentWritten
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.approval.domain.commands import AddComment
from services.approval.handlers import officer, stream_of


class DocumentUnknown(Refused):
    """A comment names a document that does not count for who writes it, or never was."""

    problem = "document_unknown"


async def comment(
    request_id: str,
    written: CommentWritten,
    context: CommandContext,
    execution: Execution[Any, Any],
    documents: DocumentRights,
    clock: Clock,
) -> Executed:
    """An administrator notes something on a request.

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
    return await execution.execute(
        Message(
            stream_of(request_id),
            context.causation,
            context.fingerprint,
            command,
            context.traceparent,
        )
    )


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
