"""The auditor's pages: what the API tells, for people; each look is remembered as the API's are."""

import asyncio
import json
import mmap
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.contracts.http.records import RecordedEvent
from bmt.contracts.values import LARGEST_EXACT_INTEGER
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from bmt.verify_record import Key, Report, read_archive, verify
from services.records.access import reader_of
from services.records.api import by_received
from services.records.audited_queries import AuditedQueries, Criteria, FilesPage
from services.records.bundle import export
from services.records.bundle.contents import Bundle
from services.records.bundle.export import Exporter
from services.records.domain.disposals import GONE
from services.records.pages import wording
from services.records.pages.asked import agencies_of
from services.records.pages.asked import criteria as asked_for
from services.records.pages.wording import ABOUT, EVENT
from services.records.time_machine import Until, not_read_back
from services.records.tree.notes import Signer
from services.records.views import FileEntry

# A bundle verified where it was made, by the code that an auditor verifies it with elsewhere.


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf's proof, as the bundle holds it.

    Attributes:
        index: its place in the file's chain.
        sequence: its place in the tree over all files, from 0.
        hashes: the path to the root (RFC 6962, 2.1.1), in hex.
    """

    index: int
    sequence: int
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proven:
    """What the verification found, and what it looked at.

    Attributes:
        report: as `bmt records verify` tells it.
        leaves: each leaf's proof.
        checkpoint: the signed note.
        keys: those that it was held against, as an auditor gives them.
        size_bytes: of the bundle.
    """

    report: Report
    leaves: Sequence[ProvenLeaf]
    checkpoint: str
    keys: Sequence[str]
    size_bytes: int


def proven(bundle: Bundle, keys: Sequence[str]) -> Proven:
    """Writes the bundle to a file of its own and verifies that where it lies, however large it is."""
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
    told: dict[str, Any] = json.loads(bytes(proof))
    index = int(name.removeprefix("proofs/").removesuffix(".json"))
    return ProvenLeaf(index, told["sequence"], told["hashes"])


# What happened to a request, as a reader follows it from top to bottom.


NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Where an event stands whose time cannot be read: last."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a file.

    Attributes:
        index: its place in the file's chain: 1, 2, …
        at: when it happened.
        what: in Malay; of an event that nobody here knows, its name.
        about: of a notice, what it told.
        by: who did it, where somebody did.
        reason: what they wrote.
        leaf_hash: SHA-256 of the leaf, in hex.
        type: the event's, whole.
        disposed_of: the personal values are gone.
        not_read_back: of a configuration, the targets that an officer confirmed.
        retried_by: who had it tried again, where this is what came of that.
        retry_reason: why.
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
    """The events as they happened; the chain has them as they were heard of, which topics may mix."""
    return sorted(map(_happening, events), key=lambda one: (one.at or NEVER, one.index))


def _happening(event: RecordedEvent) -> Happening:
    """The event as a reader sees it; what was tampered with may lack anything."""
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


RequestId = Annotated[str, Path(max_length=64)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_EXACT_INTEGER)]


def routes(
    room: AuditedQueries,
    exporter: Exporter,
    signer: Signer,
    agencies: Agencies,
    layout: Layout,
    admitted: Admitted,
) -> APIRouter:
    """The pages, below the layout's prefix."""
    routes = APIRouter()
    caller = Depends(admitted)

    def page(request: Request, template: str, **told: Any) -> Response:
        return layout.page(request, template, wording=wording, gone=GONE, **told)

    @routes.get("/")
    async def search(
        request: Request,
        visitor: Annotated[Principal, caller],
        criteria: Annotated[Criteria, Depends(asked_for)],
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
            agencies=agencies_of(reader, agencies),
        )

    @routes.get("/records/{request_id}")
    async def record(
        request: Request,
        request_id: RequestId,
        visitor: Annotated[Principal, caller],
        version: Version = None,
    ) -> Response:
        reader = reader_of(visitor)
        file = await room.record(reader, request_id, Until(version=version))
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
        document_id: Annotated[str, Path(max_length=128)],
        visitor: Annotated[Principal, caller],
    ) -> Response:
        return await export.document(room, reader_of(visitor), document_id)

    return routes


def _place(entry: FileEntry) -> tuple[datetime, str]:
    return entry.received_at, entry.request_id


def _next(request: Request, cursor: str | None) -> str | None:
    """The address of the page after this one."""
    if cursor is None:
        return None
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name != "cursor" and value
    ]
    return "?" + urlencode([*kept, ("cursor", cursor)])
