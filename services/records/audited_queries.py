"""Reads files. Each access is recorded in the file before anything is shown."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import PageRequest
from bmt.chassis.readmodels.view_store import Query, search_terms
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime import clock as ids
from bmt.chassis.runtime import observability
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentUnknown
from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import Record, RecordChanges, StateChange
from bmt.contracts.values import Status
from services.records.domain.designated_file import (
    DesignatedFile,
    ExportRecord,
    ViewRecord,
    stream_of,
)
from services.records.domain.errors import RecordNotFound
from services.records.domain.events import FolioFiled
from services.records.domain.reader import NoteSearch, Reader
from services.records.ledger.leaves import Leaves
from services.records.sealing.sealed_folios import SealedFolios, name_of
from services.records.time_machine import Until, record
from services.records.views import FileEntry


def differences(before: BaseModel | None, after: BaseModel) -> Iterator[StateChange]:
    """Each field that differs, by JSON pointer (RFC 6901). `before` may not exist yet."""
    first = {} if before is None else before.model_dump(mode="json")
    yield from _differences("", first, after.model_dump(mode="json"))


def _differences(pointer: str, before: Any, after: Any) -> Iterator[StateChange]:
    """Compares objects field by field. A list counts as one value."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(f"{pointer}/{name}", before.get(name), after.get(name))
    elif before != after:
        yield StateChange(pointer=pointer, before=before, after=after)


FILES_TRIED: Final = 10
"""The number of files tried for the bytes of one document. Some files may have been disposed of."""

FilesPage = PageRequest[tuple[datetime, str]]
"""The sort key of files: `received_at`, newest first, then the request id."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Search criteria. All that are given must match.

    Attributes:
        text: words of the reference, account, name, file number, justification or document names.
        status: of the request.
        since: received at this moment or later.
        before: received before this moment.
    """

    text: str | None = None
    agency: str | None = None
    status: Status | None = None
    since: datetime | None = None
    before: datetime | None = None

    def recorded(self) -> dict[str, str]:
        """The given criteria, as recorded with the search."""
        moments = {"since": self.since, "before": self.before}
        words = {"text": self.text, "agency": self.agency, "status": self.status}
        given = {name: str(value) for name, value in words.items() if value is not None}
        return given | {name: rfc3339(at) for name, at in moments.items() if at is not None}


@dataclass(frozen=True, slots=True)
class AuditedQueries:
    """Shows files to the readers who may see them."""

    execution: Execution[Any, Any]
    files: ViewProjection[FileEntry]
    ledger: Leaves
    folios: SealedFolios
    clock: Clock

    async def record(self, reader: Reader, request_id: str, until: Until) -> Record:
        """A file, now or as it was.

        Raises:
            RecordNotFound: there is no file for this reader, or there was none then.
        """
        file = await self.viewed(reader, request_id)
        return record(request_id, file, await self.ledger.opened(request_id), until)

    async def changes(
        self, reader: Reader, request_id: str, first: Until, second: Until
    ) -> RecordChanges:
        """What happened between two moments.

        Raises:
            RecordNotFound: there is no file for this reader, or there was none at the second
                moment.
        """
        file = await self.viewed(reader, request_id)
        leaves = await self.ledger.opened(request_id)
        after = record(request_id, file, leaves, second)
        try:
            before = record(request_id, file, leaves, first)
        except RecordNotFound:
            before = None
        reached = before.version if before else 0
        return RecordChanges(
            request_id=request_id,
            from_version=reached,
            to_version=after.version,
            changes=tuple(differences(before and before.state, after.state)),
            events=tuple(event for event in after.events if event.index > reached),
        )

    async def search(
        self, reader: Reader, criteria: Criteria, page: FilesPage
    ) -> Sequence[FileEntry]:
        """The files of a page and the one after it, of those that this reader may see."""
        found = await self.files.find(_query(reader, criteria, page))
        agency = reader.agency if reader.agency is not None else criteria.agency
        await self.record_search(reader, agency, criteria.recorded(), min(len(found), page.limit))
        return found

    async def record_search(
        self, reader: Reader, agency: str | None, criteria: Mapping[str, str], found: int
    ) -> None:
        """Record a search: who searched, for what, and how many files were found."""
        note = NoteSearch(reader, agency, criteria, found, self.clock())
        # A new stream: nothing has to be loaded before appending to it.
        await self.execution.execute(_message(f"search-{ids.new_id()}", note, begins=True))

    async def document(
        self, reader: Reader, document_id: str
    ) -> tuple[FolioFiled, AsyncIterator[bytes]]:
        """A document as it was filed, and its bytes.

        Raises:
            RecordNotFound: no file of this reader contains it, or it was disposed of.
        """
        agency = {} if reader.agency is None else {"agency": reader.agency}
        holding = Query(equal={"document_ids": document_id, **agency}, limit=FILES_TRIED)
        for entry in await self.files.find(holding):
            view = ViewRecord(reader, self.clock(), document_id)
            file = await self._recorded(entry.request_id, view)
            folio = _folio(file, document_id)
            with suppress(DocumentUnknown):
                return folio, await self.folios.open(name_of(folio))
        raise RecordNotFound

    async def file(self, reader: Reader, request_id: str) -> DesignatedFile:
        """The current file. This access is not recorded: it must lead to one that is.

        Raises:
            RecordNotFound: there is no file for this reader.
        """
        file = await self.execution.state(stream_of(request_id))
        if not isinstance(file, DesignatedFile) or not reader.may_see(file.request.agency):
            raise RecordNotFound
        return file

    async def exported(self, reader: Reader, request_id: str) -> DesignatedFile:
        """The current file, after recording its export.

        Raises:
            RecordNotFound: there is no file for this reader.
        """
        return await self._recorded(request_id, ExportRecord(reader, self.clock()))

    async def viewed(self, reader: Reader, request_id: str) -> DesignatedFile:
        """The current file, after recording the access.

        Raises:
            RecordNotFound: there is no file for this reader.
        """
        return await self._recorded(request_id, ViewRecord(reader, self.clock()))

    async def _recorded(self, request_id: str, access: ViewRecord | ExportRecord) -> DesignatedFile:
        stream = stream_of(request_id)
        await self.execution.execute(_message(stream, access))
        file = await self.execution.state(stream)
        if not isinstance(file, DesignatedFile):
            raise RecordNotFound
        return file


def _message(
    stream: str, command: ViewRecord | ExportRecord | NoteSearch, *, begins: bool = False
) -> Message[Any]:
    """Reading has no Idempotency-Key. Each access counts."""
    causation = f"read:{ids.new_id()}"
    traceparent = observability.current_trace.get()
    return Message(stream, causation, causation, command, traceparent, begins_stream=begins)


def _query(reader: Reader, criteria: Criteria, page: FilesPage) -> Query:
    equal = {
        **({"agency": criteria.agency} if criteria.agency is not None else {}),
        **({"status": criteria.status} if criteria.status is not None else {}),
    }
    return Query(
        equal=equal,
        one_of={} if reader.agency is None else {"agency": [reader.agency]},
        beginning={"words": search_terms(criteria.text)} if criteria.text else {},
        at_least={"received_at": criteria.since} if criteria.since else {},
        below={"received_at": criteria.before} if criteria.before else {},
        order_by="received_at",
        descending=True,
        after=page.after,
        limit=page.lookahead,
    )


def _folio(file: DesignatedFile, document_id: str) -> FolioFiled:
    return next(folio for folio in file.folios if folio.document_id == document_id)


def reader_of(caller: Principal) -> Reader:
    """Auditors without an agency see all files, everybody else those of the own agency."""
    everywhere = caller.has("auditor") and not caller.agency
    return Reader(
        caller.subject, tuple(sorted(caller.roles)), None if everywhere else caller.agency
    )
