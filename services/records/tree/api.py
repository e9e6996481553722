"""The tree over HTTP: its newest checkpoint, the keys that sign it, and proofs of consistency."""

from typing import Annotated, Final

from fastapi import Depends, Query
from starlette.responses import PlainTextResponse

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.http.records import Consistency
from bmt.contracts.values import LARGEST_EXACT_INTEGER
from services.records.ports import Here

_EVERYBODY: Final = ("applicant", "administrator", "operator", "auditor", "integrator")
Caller = Annotated[Principal, Depends(require(*_EVERYBODY))]
Size = Annotated[int, Query(ge=0, le=LARGEST_EXACT_INTEGER)]

router = api_router(tags=["ledger"])
"""Every role may read the tree: it contains no personal data."""


@router.get(
    "/v1/checkpoints/latest",
    summary="The newest checkpoint, a signed note (c2sp.org/tlog-checkpoint)",
    response_class=PlainTextResponse,
)
async def latest(here: Here, _: Caller) -> PlainTextResponse:
    return PlainTextResponse((await here.tree.latest()).note)


@router.get(
    "/v1/checkpoints/keys",
    summary="The public keys that sign now, a line each (c2sp.org/signed-note)",
    description="Whoever wants to trust a checkpoint has the keys from elsewhere, and compares.",
    response_class=PlainTextResponse,
)
async def keys(here: Here, _: Caller) -> PlainTextResponse:
    return PlainTextResponse("".join(f"{verifier}\n" for verifier in here.signer.verifiers))


@router.get(
    "/v1/checkpoints/consistency",
    summary="The proof that an earlier tree begins a later one (RFC 6962, section 2.1.2)",
    response_model=Consistency,
    responses=problems("validation_failed"),
)
async def consistency(
    here: Here,
    _: Caller,
    first: Annotated[Size, Query(alias="from")],
    second: Annotated[Size, Query(alias="to")],
) -> JsonResponse:
    proof = await here.tree.consistency(first, second)
    hashes = tuple(node.hex() for node in proof)
    return JsonResponse(Consistency(first=first, second=second, hashes=hashes))
