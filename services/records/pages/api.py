"""The auditor's pages. Each look at a file is recorded in the file, as with the API."""

import asyncio
import json
import mmap
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.contracts.http.records import ConformanceReport, RecordedEvent
from bmt.contracts.values import LARGEST_EXACT_INTEGER, NO_CONTROL, AgencyCode, Status
from bmt.verify_record import Key, Report, read_archive, verify
from services.records.api import by_received
from services.records.as_of import Day, begins, ends
from services.records.audited_queries import AuditedQueries, Criteria, FilesPage, reader_of
from services.records.bundle import export
from services.records.bundle.contents import Bundle
from services.records.bundle.export import Exporter
from services.records.conformance.api import answer, period_of
from services.records.conformance.examination import Examination
from services.records.domain.disposal import GONE
from services.records.domain.reader import Reader
from services.records.pages import PREFIX, wording
from services.records.pages.wording import ABOUT, EVENT
from services.records.settings import Settings
from services.records.time_machine import Until, not_read_back
from services.records.tree.notes import Signer
from services.records.views import FileEntry
from web.application import pages
from web.layout import Layout
from web.login import Admitted

REPORTS: Final = "/conformance"
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Sorts an event whose time cannot be read last."""

Page = Callable[..., Response]
Empty: Final = BeforeValidator(lambda value: None if value == "" else value)
"""A form field that is left empty asks for nothing."""

RequestId = Annotated[str, InPath(max_length=64)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_EXACT_INTEGER)]
From = Annotated[Day, Query(alias="from")]
To = Annotated[Day, Query(alias="to")]


def site(
    settings: Settings,
    builder: ServiceBuilder,
    room: AuditedQueries,
    exporter: Exporter,
    examination: Examination,
    signer: Signer,
    agencies: Agencies,
) -> APIRouter:
    """The pages, for auditors and administrators."""
    admitted = Admitted("auditor", "administrator")

    def make(layout: Layout) -> Sequence[APIRouter]:
        page = partial(layout.page, wording=wording, gone=GONE)
        return [
            _file_routes(room, exporter, signer, agencies, page, admitted),
            _report_routes(examination, agencies, page, admitted),
        ]

    return pages(settings, builder, PREFIX, Path(__file__).parent, make)


def _file_routes(
    room: AuditedQueries,
    exporter: Exporter,
    signer: Signer,
    agencies: Agencies,
    page: Page,
    admitted: Admitted,
) -> APIRouter:
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/")
    async def search(
        request: Request,
        visitor: Annotated[Principal, caller],
        criteria: Annotated[Criteria, Depends(_criteria)],
        listed: Annotated[FilesPage, Depends(by_received)],
    ) -> Response:
        reader = reader_of(visitor)
        found = by_received.page(await room.search(reader, criteria, listed), listed, key=_place)
        return page(
            request,
            "search.html",
            found=found.items,
            more=_next(request, found.next_cursor),
            first_page=listed.after is None,
            asked=request.query_params,
            agencies=_choice_of(reader, agencies),
        )

    @routes.get("/records/{request_id}")
    async def record(
        request: Request,
        request_id: RequestId,
        visitor: Annotated[Principal, caller],
        version: Version = None,
    ) -> Response:
        file = await room.record(reader_of(visitor), request_id, Until(version=version))
        return page(
            request,
            "record.html",
            file=file,
            happenings=timeline(file.events),
            as_it_was=version is not None,
            agency=agencies.name_of(file.state.agency),
        )

    @routes.get("/records/{request_id}/verification")
    async def verification(
        request: Request, request_id: RequestId, visitor: Annotated[Principal, caller]
    ) -> Response:
        bundle = await exporter.bundle(reader_of(visitor), request_id, taken_away=False)
        keys = [str(key) for key in signer.verifiers]
        found = await asyncio.to_thread(proven, bundle, keys)
        return page(request, "verification.html", request_id=request_id, found=found)

    @routes.get("/records/{request_id}/bundle")
    async def bundle(request_id: RequestId, visitor: Annotated[Principal, caller]) -> Response:
        made = await exporter.bundle(reader_of(visitor), request_id)
        return export.archive(request_id, made)

    @routes.get("/documents/{document_id}")
    async def document(
        document_id: Annotated[str, InPath(max_length=128)],
        visitor: Annotated[Principal, caller],
    ) -> Response:
        return await export.document(room, reader_of(visitor), document_id)

    return routes


def _report_routes(
    examination: Examination, agencies: Agencies, page: Page, admitted: Admitted
) -> APIRouter:
    routes = APIRouter()
    caller = Depends(admitted)

    async def report(reader: Reader, agency: str, first: date, last: date) -> ConformanceReport:
        return await examination.report(reader, period_of(agency, first, last))

    @routes.get(REPORTS)
    async def conformance(
        request: Request,
        visitor: Annotated[Principal, caller],
        agency: Annotated[AgencyCode | None, Empty] = None,
        first: Annotated[Day | None, Query(alias="from"), Empty] = None,
        last: Annotated[Day | None, Query(alias="to"), Empty] = None,
    ) -> Response:
        reader = reader_of(visitor)
        made = None
        if agency and first and last:
            made = await report(reader, agency, first, last)
        today = clock.now().astimezone(MALAYSIA).date()
        first, last = first or today.replace(day=1), last or today
        query = urlencode({"agency": agency or "", "from": first, "to": last})
        return page(
            request,
            "conformance.html",
            made=made,
            agency=agency,
            first=first.isoformat(),
            last=last.isoformat(),
            agencies=_choice_of(reader, agencies),
            other={form: f"{PREFIX}{REPORTS}/{form}?{query}" for form in ("csv", "pdf")},
        )

    @routes.get(f"{REPORTS}/{{form}}")
    async def taken_away(
        form: Literal["csv", "pdf"],
        visitor: Annotated[Principal, caller],
        agency: AgencyCode,
        first: From,
        last: To,
    ) -> Response:
        made = await report(reader_of(visitor), agency, first, last)
        return await answer(form, made, first, last, agencies)

    return routes


def _criteria(
    q: Annotated[str | None, Query(max_length=200, pattern=NO_CONTROL), Empty] = None,
    agency: Annotated[AgencyCode | None, Empty] = None,
    status: Annotated[Status | None, Empty] = None,
    from_: Annotated[Day | None, Query(alias="from"), Empty] = None,
    to: Annotated[Day | None, Empty] = None,
) -> Criteria:
    return Criteria(q, agency, status, begins(from_), ends(to))


def _choice_of(reader: Reader, agencies: Agencies) -> Mapping[str, str]:
    """The agencies that the reader may choose from: code and name."""
    if reader.agency is not None:
        return {reader.agency: agencies.name_of(reader.agency)}
    codes = sorted(agency.code for agency in agencies)
    return {code: agencies.name_of(code) for code in codes}


def _place(entry: FileEntry) -> tuple[datetime, str]:
    return entry.received_at, entry.request_id


def _next(request: Request, cursor: str | None) -> str | None:
    """The address of the page after this one."""
    if cursor is None:
        return None
    parameters = request.query_params.multi_items()
    kept = [(name, value) for name, value in parameters if name != "cursor" and value]
    return "?" + urlencode([*kept, ("cursor", cursor)])


# A bundle is verified here by the same code that an auditor runs elsewhere.


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf's proof, as the bundle holds it.

    Attributes:
        index: the leaf's place in the file's chain.
        sequence: the leaf's place in the tree over all files, from 0.
        hashes: the path to the root (RFC 6962, 2.1.1), in hex.
    """

    index: int
    sequence: int
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proven:
    """What the verification read and found.

    Attributes:
        report: as from `bmt records verify`.
        checkpoint: the signed note.
        keys: the public keys used, in the form that auditors pass them.
        size_bytes: of the bundle.
    """

    report: Report
    leaves: Sequence[ProvenLeaf]
    checkpoint: str
    keys: Sequence[str]
    size_bytes: int


def proven(bundle: Bundle, keys: Sequence[str]) -> Proven:
    """Verify a bundle from a temporary file: memory use does not grow with its size."""
    with tempfile.TemporaryFile() as file:
        for piece in bundle.pieces():
            file.write(piece)
        file.flush()
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    report = verify(data, [Key.parse(key) for key in keys])
    files, _ = read_archive(data)
    return Proven(
        report=report,
        leaves=[_leaf(name, files[name]) for name in sorted(files) if name.startswith("proofs/")],
        checkpoint=bytes(files["checkpoint.txt"]).decode(),
        keys=keys,
        size_bytes=bundle.size_bytes,
    )


def _leaf(name: str, proof: memoryview) -> ProvenLeaf:
    read: dict[str, Any] = json.loads(bytes(proof))
    index = int(name.removeprefix("proofs/").removesuffix(".json"))
    return ProvenLeaf(index, read["sequence"], read["hashes"])


# What happened to a request, from first to last.


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a file.

    Attributes:
        index: its place in the file's chain, from 1.
        what: the event in Malay; the bare name of an event that this version does not know.
        about: what a notice was about.
        reason: the person's own words.
        leaf_hash: SHA-256 of the leaf, in hex.
        type: the event's full type.
        disposed_of: the personal values are gone.
        not_read_back: the targets of a configuration that an officer confirmed by hand.
        retried_by: who asked for the retry that led to this event.
    """

    index: int
    at: datetime | None
    what: str
    about: str | None
    by: str | None
    reason: str | None
    leaf_hash: str
    type: str
    disposed_of: bool
    not_read_back: tuple[str, ...] = ()
    retried_by: str | None = None
    retry_reason: str | None = None


def timeline(events: Iterable[RecordedEvent]) -> list[Happening]:
    """The events in the order in which they happened. The chain has the order of arrival."""
    return sorted(map(_happening, events), key=lambda one: (one.at or NEVER, one.index))


def _happening(event: RecordedEvent) -> Happening:
    """The event as a reader sees it. Any field may be missing from an event that was tampered with."""
    data = event.data if isinstance(event.data, Mapping) else {}
    name = str(event.type).removesuffix(".v1").rpartition(".")[2]
    name = "RequestCorrected" if data.get("corrected_by") else name
    reason = data.get("reason") or data.get("correction_reason")
    retry = data.get("retry")
    retry = retry if isinstance(retry, Mapping) else {}
    return Happening(
        index=event.index,
        at=_moment(event.time),
        what=EVENT.get(name, name),
        about=ABOUT.get(str(data.get("about"))),
        by=_by(data),
        reason=reason if isinstance(reason, str) else None,
        leaf_hash=event.hash,
        type=str(event.type),
        disposed_of=event.disposed_of,
        not_read_back=not_read_back(data),
        retried_by=_name(retry.get("by")),
        retry_reason=retry["reason"] if isinstance(retry.get("reason"), str) else None,
    )


def _by(data: Mapping[str, Any]) -> str | None:
    for role in ("decided_by", "configured_by", "requested_by", "corrected_by", "submitted_by"):
        if name := _name(data.get(role)):
            return name
    return None


def _name(person: object) -> str | None:
    if not isinstance(person, Mapping):
        return None
    return str(person.get("name") or person.get("subject"))


def _moment(at: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
