"""Fetches the documents that events name, checks every byte, and files them."""

from typing import Any

import structlog

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.chassis.decider import Message
from bmt.chassis.documents import (
    DocumentDamaged,
    DocumentStore,
    DocumentTooLarge,
    DocumentUnknown,
    StoredDocument,
    receive,
)
from bmt.chassis.execution import Execution
from bmt.chassis.work import WorkItem
from bmt.chassis.worker import Done, Later, Perform, WorkOutcome, backoff
from services.records.domain.commands import Command, FileFolio, MissingReason, ReportMissing
from services.records.domain.state import DesignatedFile
from services.records.views import document_of

log = structlog.get_logger(__name__)


class _CannotFile(Exception):  # noqa: N818  named for what is so
    def __init__(self, reason: MissingReason) -> None:
        super().__init__(reason)
        self.reason: MissingReason = reason


def filing(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    folios: DocumentStore,
    folios_a_volume: int,
    clock: Clock,
) -> Perform:
    """The work of filing one document: from `documents` into `folios`, then into its file."""

    async def perform(item: WorkItem) -> WorkOutcome:
        document_id = document_of(item)
        try:
            stored = await _copy(document_id, documents, folios)
        except _CannotFile as cannot:
            await report(item, document_id, cannot.reason)
            return Later(backoff(item.attempts), cannot.reason)
        crash_points.reached("records.worker.copied")
        await execution.execute(_message(item, "filed", _filed(stored, folios_a_volume, clock)))
        crash_points.reached("records.worker.filed")
        return Done()

    async def report(item: WorkItem, document_id: str, reason: MissingReason) -> None:
        """Once for each reason, however often it is tried."""
        file = await execution.state(_stream(item))
        if not isinstance(file, DesignatedFile) or file.missing.get(document_id) == reason:
            return
        log.warning("folio_missing", request_id=item.subject, reason=reason)
        command = ReportMissing(document_id, reason, clock())
        crash_points.reached("records.worker.reporting")
        await execution.execute(_message(item, f"{item.attempts}:{reason}", command))
        crash_points.reached("records.worker.reported")

    return perform


def _filed(stored: StoredDocument, folios_a_volume: int, clock: Clock) -> FileFolio:
    return FileFolio(
        document_id=stored.document_id,
        filename=stored.filename,
        media_type=stored.media_type,
        size_bytes=stored.size_bytes,
        folios_a_volume=folios_a_volume,
        at=clock(),
    )


def _message(item: WorkItem, outcome: str, command: Command) -> Message[Command]:
    causation = f"work:{item.id}:{outcome}"
    return Message(_stream(item), causation, causation, command)


def _stream(item: WorkItem) -> str:
    return f"request-{item.subject}"


async def _copy(
    document_id: str, documents: DocumentStore, folios: DocumentStore
) -> StoredDocument:
    """The document among the folios, its bytes checked while they were copied.

    Raises:
        _CannotFile: it is not there, or not what it is named for.
    """
    if (filed := (await folios.find([document_id])).get(document_id)) is not None:
        return filed
    try:
        stored, chunks = await documents.open(document_id)
        received = await receive(chunks, stored.size_bytes)
    except DocumentUnknown:
        raise _CannotFile("not_stored") from None
    except (DocumentTooLarge, DocumentDamaged):
        raise _CannotFile("content_differs") from None
    with received.content:
        if received.document_id != document_id:
            raise _CannotFile("content_differs")
        return await folios.put(received, filename=stored.filename, media_type=stored.media_type)
