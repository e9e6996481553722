"""The one call without a token: where a request stands, for whoever has its reference and code."""

from typing import Final

from fastapi import Request

from bmt.chassis.http.limits import RateLimit
from bmt.chassis.http.routes import api_router, problems
from bmt.contracts.http.intake import PublicStatus, ReferenceAndCode
from services.intake.ports import Here

_MOST_BYTES: Final = 4096

router = api_router(tags=["status"])


@router.post(
    "/v1/status-lookups",
    responses=problems("not_found"),
    summary="Where a request stands, for whoever has its reference and code",
    description="Needs no token: the code is in the acknowledgement that the applicant got. Nothing is told of "
    "persons, reasons, sizes and documents, and an unknown reference is answered like a wrong code. Both are in the body, "
    "so no log has the code. Calls are limited by the client's address; a client that asks for many people "
    "should limit each of them.",
    max_body_size=_MOST_BYTES,
)
async def lookup(here: Here, request: Request, body: ReferenceAndCode) -> PublicStatus:
    rate_limit: RateLimit = request.app.state.rate_limit
    rate_limit.take(f"address {here.client_address.of(request)}")
    return await here.status_lookup.find(body)
