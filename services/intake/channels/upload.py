"""Uploaded documents: each is checked against its declared type, stored, and recorded."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore, Received
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.intake.access import keyed_stream
from services.intake.channels.filename import filename_of
from services.intake.channels.media_types import ALLOWED, ENDINGS, recognise
from services.intake.domain.upload import RecordUpload

_POINTER: Final = "/header/content-type"


def kind_not_taken(kinds: tuple[str, ...], **extra: JsonValue) -> Refused:
    """The refusal of a Content-Type that is none of `kinds`; `extra` are further members of the problem."""
    wrong = FieldError.of(_POINTER, "kind_not_taken", kinds=kinds)
    problem = "unsupported_media_type"
    return Refused(wrong.detail, problem=problem, extra=extra, errors=(wrong,))


def nothing_in_it() -> Refused:
    """The refusal of an empty body."""
    wrong = FieldError.of("", "nothing_in_it")
    return Refused(wrong.detail, errors=(wrong,))


async def document_of(received: Received, content_type: str, disposition: str | None) -> Document:
    """The document under its uploader's name for it, of the kind of its content.

    Raises:
        Refused: the body is empty, of another kind than declared, or of one that is not accepted; or the name is
            not acceptable.
    """
    declared = content_type.partition(";")[0].strip().lower()
    if not received.size_bytes:
        raise nothing_in_it()
    if declared not in ALLOWED:
        raise kind_not_taken(ALLOWED, allowed=list(ALLOWED))
    if await asyncio.to_thread(recognise, received.content, declared) != declared:
        wrong = FieldError.of(_POINTER, "not_what_it_says", kind=declared)
        raise Refused(wrong.detail, errors=(wrong,))
    return Document(
        document_id=received.document_id,
        filename=filename_of(disposition, f"document{ENDINGS[declared]}"),
        media_type=declared,
        size_bytes=received.size_bytes,
    )


@dataclass(frozen=True, slots=True)
class Uploads:
    """Stores documents, and records who uploaded them."""

    execution: Execution[Any, Any]
    documents: DocumentStore
    clock: Clock

    async def store(
        self, received: Received, content_type: str, disposition: str | None
    ) -> Document:
        """Store the content.

        Raises:
            Refused: as `document_of`.
        """
        document = await document_of(received, content_type, disposition)
        await self.documents.put(
            received, filename=document.filename, media_type=document.media_type
        )
        crash_points.reached("intake.upload.stored")
        return document

    async def record(self, document: Document, context: CommandContext) -> Executed:
        """Record that the caller uploaded the document: one event in a stream of its own."""
        uploader = context.principal
        command = RecordUpload(document, uploader.subject, self.clock(), uploader.agency)
        stream = keyed_stream("upload", context)
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))
