"""Documents that are handed in: uploads, and scans, which are taken apart into papers for the inbox.

A crash leaves documents that nothing names; taking in the same scan again is safe.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, Final

from pydantic import JsonValue

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.documents import DocumentStore, Received, receive
from bmt.chassis.work import Done, WorkChange, WorkItem, WorkOutcome
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Document, PaperChannel
from services.intake.channels.media_types import ALLOWED, ENDINGS, PDF, filename_of, recognise
from services.intake.domain.errors import Fault, FieldWrong, SubmissionWrong
from services.intake.domain.events import (
    DocumentUploaded,
    Missing,
    ScannedPaper,
    ScanOrigin,
    ScanReceived,
)
from services.intake.domain.one_event import ReceiveScan, RecordUpload, Scanned
from services.intake.domain.request import PutPaperInInbox, request_stream
from services.intake.domain.submission import Caller, require_channel
from services.intake.papers import CoverCode, FormCode, PaperCode, Part, RequestCode
from services.intake.queries import Audience, Requests, caller_of, keyed_stream, own_agency
from services.intake.readers import read_scan

_POINTER: Final = "/header/content-type"


def kind_not_taken(kinds: tuple[str, ...], **extra: JsonValue) -> FieldWrong:
    """The refusal of a Content-Type that is none of `kinds`; `extra` are further members of the problem."""
    wrong = FieldError.of(_POINTER, "kind_not_taken", kinds=kinds)
    return FieldWrong(wrong, problem="unsupported_media_type", extra=extra)


def nothing_in_it() -> FieldWrong:
    return FieldWrong(FieldError.of("", "nothing_in_it"))


def named(received: Received, filename: str, media_type: str) -> Document:
    return Document(
        document_id=received.document_id,
        filename=filename,
        media_type=media_type,
        size_bytes=received.size_bytes,
    )


async def document_of(received: Received, headers: Mapping[str, str]) -> Document:
    """The document under its uploader's name for it, of the kind of its content.

    Raises:
        Refused: the body is empty, of another kind than declared, or of one that is not accepted; or the name is
            not acceptable.
    """
    declared = declared_type(headers)
    if not received.size_bytes:
        raise nothing_in_it()
    if declared not in ALLOWED:
        raise kind_not_taken(ALLOWED, allowed=list(ALLOWED))
    if await asyncio.to_thread(recognise, received.content, declared) != declared:
        raise FieldWrong(FieldError.of(_POINTER, "not_what_it_says", kind=declared))
    disposition = headers.get("content-disposition")
    return named(received, filename_of(disposition, f"document{ENDINGS[declared]}"), declared)


def declared_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Uploads:
    """Stores documents, and records who uploaded them."""

    execution: Execution[Any, Any]
    documents: DocumentStore
    clock: Clock

    async def take_in(
        self, received: Received, headers: Mapping[str, str], context: CommandContext
    ) -> Executed:
        """Store the content, then record that the caller uploaded it.

        Raises:
            Refused: as `document_of`.
        """
        document = await document_of(received, headers)
        await self.documents.put(
            received, filename=document.filename, media_type=document.media_type
        )
        crash_points.reached("intake.documents.stored")
        uploaded = DocumentUploaded(
            document=document,
            uploaded_by=context.principal.subject,
            uploaded_at=self.clock(),
            agency=context.principal.agency,
        )
        stream, command = keyed_stream("upload", context), RecordUpload([uploaded])
        return await self.execution.execute(context.to_command(stream, command, begins_stream=True))


_READ_AT_ONCE: Final = 1
_CHUNK_BYTES: Final = 1024 * 1024
_LONGEST_STEM: Final = 150
LAY: Final = "inbox"
"""The target of the work that puts papers into the inbox."""


@dataclass(frozen=True, slots=True)
class Scans:
    """Takes in scans, and puts their papers into the inbox."""

    execution: Execution[Any, Any]
    agencies: Agencies
    documents: DocumentStore
    requests: Requests
    new_id: NewId
    clock: Clock
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READ_AT_ONCE))

    def home_of(self, caller: Caller, channel: PaperChannel | None) -> Agency:
        """The caller's agency, whose inbox the papers go to.

        Raises:
            Refused: there is none, or it does not receive paper, or not through this channel.
        """
        (code,) = caller.agencies or {""}
        home = own_agency(self.agencies, code)
        allowed = home.rules.channels.in_
        if channel is not None:
            require_channel(home, channel)
        elif not {"memo", "letter", "form"} & set(allowed):
            wrong = FieldError.of("/query/channel", "no_paper", channels=allowed)
            raise SubmissionWrong([Fault(wrong, "channel_not_allowed", {"allowed": list(allowed)})])
        return home

    async def take_in(
        self,
        received: Received,
        batch: Document,
        channel: PaperChannel | None,
        home: Agency,
        context: CommandContext,
    ) -> Executed:
        """Take in the scan `received`, whole as `batch`; its papers are in the inbox when this returns.

        The same key again does not read the scan a second time.

        Raises:
            FieldWrong: it cannot be read.
        """
        stream = keyed_stream("scan", context)
        before = await self.execution.state(stream)
        if isinstance(before, Scanned):
            scan = before.scan
        else:
            pages, papers = await self._read(received, batch, channel, home)
            scan = ScanReceived(
                agency=home.code,
                received_at=self.clock(),
                submitted_by=caller_of(context.principal).submitter,
                batch=batch,
                page_count=pages,
                papers=papers,
            )
        executed = await self.execution.execute(context.to_command(stream, ReceiveScan([scan])))
        crash_points.reached("intake.documents.received")
        await self._lay(ScanReceived.model_validate(executed.commit.events[0].data))
        return executed

    async def _read(
        self, received: Received, batch: Document, channel: PaperChannel | None, home: Agency
    ) -> tuple[int, tuple[ScannedPaper, ...]]:
        """The number of its pages, and its papers; all documents are stored when this returns."""
        with tempfile.TemporaryDirectory(prefix="bmt-scan-") as place:
            folder = Path(place)
            scan = folder / "scan"
            await asyncio.to_thread(_write, received.content, scan)
            async with self._reading:
                found = await read_scan(scan, batch.media_type, folder)
            received.content.seek(0)
            await self.documents.put(received, filename=batch.filename, media_type=batch.media_type)
            crash_points.reached("intake.documents.batch_kept")
            papers = []
            several = len(found.parts) > 1
            for number, (part, file) in enumerate(
                zip(found.parts, found.files, strict=True), start=1
            ):
                name = _name(batch.filename, number if several else None)
                document = batch if file == scan else await self._kept(file, name)
                papers.append(await self._paper(part, document, batch, channel, home.code))
        return found.page_count, tuple(papers)

    async def _paper(
        self,
        part: Part,
        document: Document,
        batch: Document,
        channel: PaperChannel | None,
        agency: str,
    ) -> ScannedPaper:
        named = [code.request_id for code in part.codes if isinstance(code, RequestCode)]
        about = await self.requests.get(named[0], Audience({"agency": agency})) if named else None
        return ScannedPaper(
            inbox_item_id=self.new_id(),
            document=document,
            origin=ScanOrigin(
                batch=batch,
                pages=part.pages,
                request_id=about.facts.request_id if about else None,
                request_reference=about.facts.reference if about else None,
            ),
            understood=dict(proposal(part.codes, agency, channel)),
            missing=doubts(part.codes, agency),
        )

    async def _kept(self, file: Path, name: str) -> Document:
        received = await receive(_chunks(file), (await asyncio.to_thread(file.stat)).st_size)
        with received.content:
            await self.documents.put(received, filename=name, media_type=PDF)
        crash_points.reached("intake.documents.paper_kept")
        return named(received, name, PDF)

    async def _lay(self, scan: ScanReceived) -> None:
        """Return when all papers are in the inbox.

        Raises:
            StoreUnavailable: some papers may be there; repeating completes them.
        """
        # An item's id is fixed by its paper, so a second attempt changes nothing.
        messages = [
            Message(
                request_stream(paper.inbox_item_id),
                f"scan:{paper.inbox_item_id}",
                paper.inbox_item_id,
                PutPaperInInbox(scan, paper),
            )
            for paper in scan.papers
        ]
        for outcome in await self.execution.execute_many(messages):
            if isinstance(outcome, Exception):
                raise outcome
        crash_points.reached("intake.documents.laid")

    async def perform(self, item: WorkItem) -> WorkOutcome:
        """Put the papers into the inbox that a crash left out."""
        state = await self.execution.known_state(
            f"scan-{item.subject}", lambda known: isinstance(known, Scanned)
        )
        if isinstance(state, Scanned):
            await self._lay(state.scan)
        return Done()


def _write(content: IO[bytes], scan: Path) -> None:
    content.seek(0)
    with scan.open("wb") as file:
        copyfileobj(content, file)


def _name(batch: str, number: int | None) -> str:
    stem = Path(batch).stem[:_LONGEST_STEM]
    return f"{stem}.pdf" if number is None else f"{stem}-{number}.pdf"


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while chunk := await asyncio.to_thread(content.read, _CHUNK_BYTES):
            yield chunk


def work_of(incoming: IncomingEvent[Any]) -> Sequence[WorkChange]:
    """The work of a received scan: its inbox items."""
    if not isinstance(incoming.data, ScanReceived):
        return ()
    return (WorkItem(f"{incoming.subject}:{LAY}", LAY, incoming.subject, incoming.time),)


def proposal(
    codes: Sequence[PaperCode], agency: str, channel: PaperChannel | None
) -> Mapping[str, str]:
    """The fields of a request as the paper's codes give them, until a person has read it.

    Codes of another agency are not trusted. The caller's channel counts if no code names one.
    """
    fields: dict[str, str] = {} if channel is None else {"channel": channel}
    for code in codes:
        match code:
            case CoverCode(through, owner) if owner == agency:
                fields |= {"channel": through, "agency": agency}
            case FormCode(kind, owner) if owner == agency:
                fields |= {"channel": "form", "kind": kind, "agency": agency}
    return fields


def doubts(codes: Sequence[PaperCode], agency: str) -> tuple[Missing, ...]:
    """The codes that name another agency than the one whose inbox the paper is in."""
    others = sorted({c.agency for c in codes if isinstance(c, FormCode | CoverCode)} - {agency})
    return tuple(
        Missing.of("agency", "code_of_other_agency", other=other, agency=agency) for other in others
    )
