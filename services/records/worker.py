"""Fetches the documents that events name, verifies every byte, and files them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import (
    Claimant,
    DocumentDamaged,
    DocumentRights,
    DocumentStore,
    DocumentTooLarge,
    DocumentUnknown,
    StoredDocument,
    receive,
)
from bmt.chassis.work import Done, Later, WorkItem, WorkOutcome, backoff
from services.records.domain.designated_file import (
    DesignatedFile,
    FileFolio,
    MissingReason,
    ReportMissing,
    stream_of,
)
from services.records.domain.events import FolioDue
from services.records.sealing.sealed_folios import FolioName, SealedFolios
from services.records.views import document_of

log = structlog.get_logger(__name__)

COPIED_ANYWAY_BYTES: Final = 255 * 1024
"""Up to one chunk, a copy is as fast as a check for an earlier copy. It is stored once."""
COPIED_TOGETHER: Final = 64
"""Small documents in memory at once: at most 16 MiB, however many a wave of events names."""
FOLIOS_A_VOLUME: Final = 100
"""A volume (jilid) is closed at one hundred folios, as government offices do with paper files."""
UNNAMED: Final = "document"
"""The name of a document whose name is no longer known."""


class _CannotFile(Exception):  # noqa: N818  named for what is so
    def __init__(self, reason: MissingReason) -> None:
        super().__init__(reason)
        self.reason: MissingReason = reason


@dataclass(frozen=True, slots=True)
class Filing:
    """The work of filing one document: from `documents` into `folios`, then into its file."""

    execution: Execution[Any, Any]
    documents: DocumentStore
    rights: DocumentRights
    folios: SealedFolios
    clock: Clock

    async def copied(
        self, named: Sequence[FolioDue], at: datetime
    ) -> Mapping[FolioName, FileFolio]:
        """Copy and verify those of these documents that are small, stored and whole, `COPIED_TOGETHER` at a time.

        The others are filed one by one (`perform`), also evidence, which needs its officer's name for it.

        Raises:
            StoreUnavailable: some may be copied. The call may be repeated.
        """
        names = {FolioName(due.document_id, due.key) for due in named if not due.handed_in_by}
        wanted = list(names)
        copied: dict[FolioName, FileFolio] = {}
        for begin in range(0, len(wanted), COPIED_TOGETHER):
            copied |= await self._copied(wanted[begin : begin + COPIED_TOGETHER], at)
        return copied

    async def _copied(
        self, names: Sequence[FolioName], at: datetime
    ) -> Mapping[FolioName, FileFolio]:
        found = {
            stored.document_id: (stored, content)
            for stored, content in await self.documents.small({one.document_id for one in names})
            if stored.document_id == f"sha256:{hashlib.sha256(content).hexdigest()}"
        }
        contents = {name: found[name.document_id][1] for name in names if name.document_id in found}
        copied = await self.folios.put_small(contents) if contents else ()
        return {name: _command(found[name.document_id][0], at) for name in copied}

    async def perform(self, item: WorkItem) -> WorkOutcome:
        """Copy, verify and file the document, if its file still needs it."""
        document_id = document_of(item)
        found = await self._due(item, document_id)
        if found is None:
            return Done()
        due, agency = found
        try:
            stored = await self._copy(FolioName(document_id, due.key))
        except _CannotFile as cannot:
            await self._report(item, document_id, cannot.reason)
            return Later(backoff(item.attempts), cannot.reason)
        if due.handed_in_by is not None:
            stored = await self._named(stored, Claimant(due.handed_in_by, (agency,), officer=True))
        crash_points.reached("records.worker.copied")
        await self._execute(item, "filed", _command(stored, self.clock()))
        crash_points.reached("records.worker.filed")
        return Done()

    async def _due(self, item: WorkItem, document_id: str) -> tuple[FolioDue, str] | None:
        """The document that the file still needs, and the file's agency. None: it is not needed."""
        for look in (self.execution.known_state, self.execution.state):
            file = await look(stream_of(item.subject))
            if isinstance(file, DesignatedFile) and document_id in file.due:
                return file.due[document_id], file.request.agency
        return None

    async def _copy(self, name: FolioName) -> StoredDocument:
        """Copy the document into the folios and verify its bytes.

        Raises:
            _CannotFile: it is not stored, or its content differs from its name.
        """
        try:
            stored, chunks = await self.documents.open(name.document_id)
            if stored.size_bytes > COPIED_ANYWAY_BYTES and await self.folios.has(name):
                return stored
            received = await receive(chunks, stored.size_bytes)
        except DocumentUnknown:
            raise _CannotFile("not_stored") from None
        except (DocumentTooLarge, DocumentDamaged):
            raise _CannotFile("content_differs") from None
        with received.content:
            if received.document_id != name.document_id:
                raise _CannotFile("content_differs")
            await self.folios.put(name, received)
            return stored

    async def _named(self, stored: StoredDocument, officer: Claimant) -> StoredDocument:
        """The document under the officer's own name for it. Other uploaders' names stay unknown."""
        named = (await self.rights.find([stored.document_id], officer)).get(stored.document_id)
        if named is None:
            return replace(stored, filename=UNNAMED)
        return replace(stored, filename=named.filename, media_type=named.media_type)

    async def _report(self, item: WorkItem, document_id: str, reason: MissingReason) -> None:
        """Record the reason once, however often the work is tried."""
        file = await self.execution.state(stream_of(item.subject))
        if not isinstance(file, DesignatedFile) or file.missing.get(document_id) == reason:
            return
        log.warning("folio_missing", request_id=item.subject, reason=reason)
        command = ReportMissing(document_id, reason, self.clock())
        crash_points.reached("records.worker.reporting")
        await self._execute(item, f"{item.attempts}:{reason}", command)
        crash_points.reached("records.worker.reported")

    async def _execute(
        self, item: WorkItem, outcome: str, command: FileFolio | ReportMissing
    ) -> None:
        """Does not wait for the views, so that they can lag."""
        causation = f"work:{item.id}:{outcome}"
        message = Message(stream_of(item.subject), causation, causation, command, item.traceparent)
        (result,) = await self.execution.execute_many([message])
        if isinstance(result, Exception):
            raise result
        result.raise_refusal()


def _command(stored: StoredDocument, at: datetime) -> FileFolio:
    return FileFolio(
        document_id=stored.document_id,
        filename=stored.filename,
        media_type=stored.media_type,
        size_bytes=stored.size_bytes,
        folios_a_volume=FOLIOS_A_VOLUME,
        at=at,
    )
