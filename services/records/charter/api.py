"""The client charter in figures, over HTTP. They name no request and nobody, so reading them leaves no trace in a file."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends
from fastapi import Query as QueryParameter

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import api_router, problems
from bmt.chassis.readmodels.view_store import Query
from bmt.contracts.http.records import CharterFigures
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import AgencyCode
from services.records.charter.figures import Counting, read
from services.records.domain.errors import RecordNotFound
from services.records.ports import Here
from services.records.time_machine import Day, midnight

MOST_REQUESTS: Final = 100_000

Caller = Annotated[Principal, Depends(require("administrator", "operator", "auditor"))]


class PeriodWrong(Refused):
    """The period ends before it begins, or has more than `MOST_REQUESTS`."""

    problem = "validation_failed"


router = api_router(tags=["charter"])


@router.get(
    "/v1/charter",
    summary="How the client charter was kept with the requests received in a period",
    response_model=CharterFigures,
    responses=problems("not_found", "validation_failed"),
)
async def charter(
    here: Here,
    caller: Caller,
    first: Annotated[Day, QueryParameter(alias="from", description="A day in Malaysia.")],
    last: Annotated[Day, QueryParameter(alias="to", description="A day in Malaysia, included.")],
    agency: Annotated[
        AgencyCode | None, QueryParameter(description="default: all that the caller may see")
    ] = None,
) -> JsonResponse:
    """Administrators see their own agency's, operators all, auditors all or those of the agency in their token."""
    if first > last:
        raise PeriodWrong(errors=(FieldError.of("/query/from", "from_after_to"),))
    chosen = _visible(caller, agency)
    since, before = midnight(first), midnight(last + timedelta(days=1))
    counting = Counting(here.agencies, here.clock())
    agencies = [chosen] if chosen else sorted(await here.files.distinct("agency"))
    in_period = Query(at_least={"received_at": since}, below={"received_at": before})
    requests = 0
    async for some in read(here.files, agencies, in_period):
        requests += len(some)
        if requests > MOST_REQUESTS:
            wrong = FieldError.of("/query/to", "period_too_long", maximum=MOST_REQUESTS)
            raise PeriodWrong(errors=(wrong,))
        for case in some:
            counting.add(case)
    async for some in read(here.files, agencies, Query(equal={"open": True})):
        for case in some:
            counting.add_open(case)
    return JsonResponse(counting.figures(chosen, since, before))


def _visible(caller: Principal, agency: str | None) -> str | None:
    """The agency whose figures are meant; None: all."""
    if caller.has("operator") or (caller.has("auditor") and not caller.agency):
        return agency
    if not caller.agency or agency not in (None, caller.agency):
        raise RecordNotFound
    return caller.agency
