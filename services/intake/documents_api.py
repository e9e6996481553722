"""Documents over HTTP: uploaded before the request that names them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore, receive
from bmt.contracts.http.intake import DocumentStored
from services.intake import answers
from services.intake.channels.media_types import ALLOWED
from services.intake.channels.upload import document_of
from services.intake.domain.commands import RecordUpload

Uploading = Annotated[
    CommandContext,
    Depends(command("applicant", "administrator", "operator", "integrator", streamed=True)),
]


def routes(
    execution: Execution[Any, Any], documents: DocumentStore, clock: Clock, most_bytes: int
) -> APIRouter:
    """The routes of documents; one may have at most `most_bytes`."""
    api = api_router(tags=["documents"])

    @api.post(
        "/v1/documents",
        status_code=201,
        response_model=DocumentStored,
        responses=problems("too_large", "unsupported_media_type", "validation_failed"),
        summary="Upload a document",
        description=f"The raw bytes, at most {most_bytes}, with their Content-Type; the name goes "
        "into Content-Disposition (RFC 6266). The content must be what it says. The answer's "
        "`document_id` is named in the request.",
        openapi_extra={"requestBody": _body()},
        max_body_size=most_bytes,
    )
    async def upload(request: Request, context: Uploading) -> JsonResponse:
        received = await receive(request.stream(), most_bytes)
        with received.content:
            headers = request.headers
            document = await document_of(
                received, headers.get("content-type", ""), headers.get("content-disposition")
            )
            await documents.put(
                received, filename=document.filename, media_type=document.media_type
            )
        crash_points.reached("intake.documents_api.stored")
        context = context.of_body("POST", "/v1/documents", received.digest)
        uploader = context.principal
        what = RecordUpload(document, uploader.subject, clock(), uploader.agency)
        executed = await execution.execute(_message(context, what))
        return answer(executed, answers.document_stored(executed.commit), 201)

    return api


def _body() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": dict.fromkeys(ALLOWED, binary)}


def _message(context: CommandContext, what: RecordUpload) -> Message[RecordUpload]:
    """An upload is a stream of its own: it is one event, and nothing follows it."""
    return Message(
        f"upload-{context.causation.removeprefix('cmd:')}",
        context.causation,
        context.fingerprint,
        what,
        context.traceparent,
        begins_stream=True,
    )
