"""The verification of one file over HTTP, by the code that an auditor runs elsewhere (bmt/verify_record.py); and the tree."""

import asyncio
import json
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from starlette.responses import PlainTextResponse

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import api_router, problems
from bmt.contracts.http.records import (
    Consistency,
    EventProof,
    ProvenLeaf,
    RecordVerification,
    VerificationFinding,
)
from bmt.contracts.values import LARGEST_EXACT_INTEGER
from bmt.verify_record import Key, read_archive, verify
from services.records.api import Caller, RequestId
from services.records.audited_queries import reader_of
from services.records.bundle import Bundle
from services.records.ports import Here

_EVERYBODY: Final = ("applicant", "administrator", "operator", "auditor", "integrator")
Anybody = Annotated[Principal, Depends(require(*_EVERYBODY))]
Proving = Annotated[Principal, Depends(require("auditor", "administrator", "integrator"))]
EventId = Annotated[str, Path(max_length=64, description="`id` of the CloudEvent")]
Size = Annotated[int, Query(ge=0, le=LARGEST_EXACT_INTEGER)]

tree_router = api_router(tags=["ledger"])
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


router = api_router(tags=["records"])


@router.get(
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


@router.get(
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
