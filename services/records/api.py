"""Files, their verification, documents and the tree over HTTP, for auditors and for the agency's administrators."""

import asyncio
import json
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from pydantic import AwareDatetime, Field
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import Page, Paging, QueryTime, api_router, problems
from bmt.contracts.http.records import (
    Consistency,
    EventProof,
    ProvenLeaf,
    Record,
    RecordChanges,
    RecordItem,
    RecordVerification,
    VerificationFinding,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import LARGEST_EXACT_INTEGER, NO_CONTROL, AgencyCode, Status
from bmt.verify_record import Key, read_archive, verify
from services.records.audited_queries import Criteria, FilesPage, reader_of
from services.records.bundle import Bundle, archive, filed_document
from services.records.ports import Here
from services.records.time_machine import Day, Until, begins, ends, missing
from services.records.views import FileEntry

by_received = Paging(tuple[AwareDatetime, str])

RequestId = Annotated[str, Path(max_length=64)]
Version = Annotated[int, Field(ge=0, le=LARGEST_EXACT_INTEGER)]
Moment = Version | QueryTime
_MOMENT: Final = "A version (the index of an event), or a time (RFC 3339, with a zone)."

Caller = Annotated[Principal, Depends(require("auditor", "administrator"))]


class BothGiven(Refused):
    """A time and a version were both given."""

    problem = "validation_failed"

    def __init__(self) -> None:
        pointers = ("/query/at", "/query/version")
        errors = tuple(FieldError.of(each, "time_or_version") for each in pointers)
        super().__init__("Give a time or a version, not both.", errors=errors)


def _criteria(
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            pattern=NO_CONTROL,
            description="Words, or how they begin: of the reference, account, name, file number, "
            "justification and names of documents. Case and accents do not matter.",
        ),
    ] = None,
    agency: AgencyCode | None = None,
    status: Status | None = None,
    from_: Annotated[
        QueryTime | Day | None,
        Query(alias="from", description="Received then or later: a time, or a day in Malaysia."),
    ] = None,
    to: Annotated[
        QueryTime | Day | None,
        Query(description="Received then or earlier: a time, or a day in Malaysia."),
    ] = None,
) -> Criteria:
    """Raises `Refused` (`validation_failed`) if the time ends before it begins."""
    since, before = begins(from_), ends(to)
    if since is not None and before is not None and since >= before:
        wrong = FieldError.of("/query/from", "from_after_to")
        raise Refused(wrong.detail, problem="validation_failed", errors=(wrong,))
    return Criteria(q, agency, status, since, before)


router = api_router(tags=["records"])


@router.get("/v1/records", summary="Search the files", response_model=Page[RecordItem])
async def search(
    here: Here,
    caller: Caller,
    page: Annotated[FilesPage, Depends(by_received)],
    criteria: Annotated[Criteria, Depends(_criteria)],
) -> JsonResponse:
    found = await here.queries.search(reader_of(caller), criteria, page)
    items = [_item(entry) for entry in found]
    return JsonResponse(
        by_received.page(items, page, key=lambda item: (item.received_at, item.request_id))
    )


@router.get(
    "/v1/records/{request_id}",
    summary="A file, now or as it was",
    response_model=Record,
    responses=problems("not_found", "validation_failed"),
)
async def record(
    here: Here,
    request_id: RequestId,
    caller: Caller,
    at: Annotated[QueryTime | None, Query(description="RFC 3339, with a zone.")] = None,
    version: Annotated[int | None, Query(ge=1, le=LARGEST_EXACT_INTEGER)] = None,
) -> JsonResponse:
    if at is not None and version is not None:
        raise BothGiven
    return JsonResponse(
        await here.queries.record(reader_of(caller), request_id, Until(at, version))
    )


@router.get(
    "/v1/records/{request_id}/changes",
    summary="What changed in a file between two moments",
    response_model=RecordChanges,
    responses=problems("not_found", "validation_failed"),
)
async def changes(
    here: Here,
    request_id: RequestId,
    caller: Caller,
    first: Annotated[Moment, Query(alias="from", description=_MOMENT)],
    second: Annotated[Moment | None, Query(alias="to", description=_MOMENT)] = None,
) -> JsonResponse:
    until = Until() if second is None else _until(second)
    return JsonResponse(
        await here.queries.changes(reader_of(caller), request_id, _until(first), until)
    )


@router.get(
    "/v1/records/{request_id}/bundle",
    summary="A file to take away: a zip that verifies offline (tools/verify_record.py)",
    responses=problems("not_found", "too_large"),
    response_class=Response,
)
async def bundle(here: Here, request_id: RequestId, caller: Caller) -> StreamingResponse:
    return archive(request_id, await here.exporter.bundle(reader_of(caller), request_id))


@router.get(
    "/v1/documents/{document_id}",
    summary="A document, byte for byte as it was filed",
    responses=problems("not_found"),
    response_class=Response,
)
async def document(
    here: Here,
    document_id: Annotated[str, Path(max_length=128, examples=["sha256:…"])],
    caller: Caller,
) -> Response:
    return await filed_document(here.queries, reader_of(caller), document_id)


def _until(moment: datetime | int) -> Until:
    return Until(version=moment) if isinstance(moment, int) else Until(at=moment)


def _item(entry: FileEntry) -> RecordItem:
    shown = entry.model_dump(
        exclude={
            *("words", "document_ids", "document_keys", "key"),
            *("unfiled", "progress", "request_sequence"),
        }
    )
    return RecordItem(folios=len(entry.document_ids), missing=missing(entry.unfiled), **shown)


_EVERYBODY: Final = ("applicant", "administrator", "operator", "auditor", "integrator")
Anybody = Annotated[Principal, Depends(require(*_EVERYBODY))]
Proving = Annotated[Principal, Depends(require("auditor", "administrator", "integrator"))]
EventId = Annotated[str, Path(max_length=64, description="`id` of the CloudEvent")]
Size = Annotated[int, Query(ge=0, le=LARGEST_EXACT_INTEGER)]

tree_router = api_router(tags=["ledger"])
verification_router = api_router(tags=["records"])
"""Every role may read the tree: it contains no personal data."""


@tree_router.get(
    "/v1/checkpoints/latest",
    summary="The newest checkpoint, a signed note (c2sp.org/tlog-checkpoint)",
    response_class=PlainTextResponse,
)
async def latest(here: Here, _: Anybody) -> PlainTextResponse:
    return PlainTextResponse((await here.tree.latest()).note)


@tree_router.get(
    "/v1/checkpoints/keys",
    summary="The public keys that sign now, a line each (c2sp.org/signed-note)",
    description="Whoever wants to trust a checkpoint has the keys from elsewhere, and compares.",
    response_class=PlainTextResponse,
)
async def keys(here: Here, _: Anybody) -> PlainTextResponse:
    return PlainTextResponse("".join(f"{verifier}\n" for verifier in here.signer.verifiers))


@tree_router.get(
    "/v1/checkpoints/consistency",
    summary="The proof that an earlier tree begins a later one (RFC 6962, section 2.1.2)",
    response_model=Consistency,
    responses=problems("validation_failed"),
)
async def consistency(
    here: Here,
    _: Anybody,
    first: Annotated[Size, Query(alias="from")],
    second: Annotated[Size, Query(alias="to")],
) -> JsonResponse:
    proof = await here.tree.consistency(first, second)
    hashes = tuple(node.hex() for node in proof)
    return JsonResponse(Consistency(first=first, second=second, hashes=hashes))


@verification_router.get(
    "/v1/records/{request_id}/verification",
    summary="What a verification of the file finds, here and now",
    description="The word of the system that is examined: to trust it less, take the bundle and verify it "
    "elsewhere. The file records that it was looked at; a bundle is recorded as taken away.",
    response_model=RecordVerification,
    responses=problems("not_found", "too_large"),
)
async def verification(here: Here, request_id: RequestId, caller: Caller) -> JsonResponse:
    bundle = await here.exporter.bundle(reader_of(caller), request_id, taken_away=False)
    keys = [str(key) for key in here.signer.verifiers]
    return JsonResponse(await asyncio.to_thread(verified, request_id, bundle, keys))


@verification_router.get(
    "/v1/events/{event_id}/proof",
    summary="The proof that an event is on record as it was published",
    description="Of a request of the caller's agency. An integrator's token names its agency. `bmt.integrator` "
    "holds an event against it.",
    response_model=EventProof,
    responses=problems("not_found"),
)
async def proof(here: Here, event_id: EventId, caller: Proving) -> JsonResponse:
    return JsonResponse(await here.exporter.event(reader_of(caller), event_id))


def verified(request_id: str, bundle: Bundle, keys: Sequence[str]) -> RecordVerification:
    """Verifies a bundle in a temporary file: memory use does not grow with its size."""
    with tempfile.TemporaryFile() as file:
        for piece in bundle.pieces():
            file.write(piece)
        file.flush()
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    report = verify(data, [Key.parse(key) for key in keys])
    files, _ = read_archive(data)
    return RecordVerification(
        request_id=request_id,
        file_number=report.file_number,
        valid=report.valid,
        findings=tuple(
            VerificationFinding(where=one.where, wrong=one.wrong, detail=one.detail)
            for one in report.findings
        ),
        leaves=report.leaves,
        documents=report.documents,
        disposed_of=report.disposed_of,
        checkpoint_size=report.checkpoint_size,
        checkpoint=bytes(files["checkpoint.txt"]).decode(),
        keys=tuple(keys),
        proofs=tuple(_proofs(files)),
    )


def _proofs(files: Mapping[str, memoryview]) -> list[ProvenLeaf]:
    return [_proof(name, files[name]) for name in sorted(files) if name.startswith("proofs/")]


def _proof(name: str, content: memoryview) -> ProvenLeaf:
    proof: dict[str, Any] = json.loads(bytes(content))
    index = int(name.removeprefix("proofs/").removesuffix(".json"))
    return ProvenLeaf(index=index, sequence=proof["sequence"], hashes=proof["hashes"])
