"""What the directory says of an agency's own accounts, over HTTP."""

from typing import Annotated

from fastapi import Depends, Path

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.routes import api_router, problems
from bmt.contracts.http.intake import AccountOwner
from bmt.contracts.problems import Refused
from services.intake.ports import Here

Manager = Annotated[Principal, Depends(require("agency_manager"))]
OwnAccount = Annotated[str, Path(min_length=1, max_length=200, description="in any case")]

router = api_router(tags=["accounts"])


@router.get(
    "/v1/accounts/{account}",
    responses=problems("not_found", "unavailable"),
    summary="Whose an account of the caller's agency is, as the directory says now",
)
async def owner(here: Here, account: OwnAccount, caller: Manager) -> AccountOwner:
    """404 for an account that the directory does not have, and for one that is not the caller's agency's."""
    found = await here.directory.owner(account)
    named = here.agencies.named(found.standing.organisations)
    belonging = here.agencies.claims.belonging(caller.agency, account, named)
    if not found.standing.registered or belonging != "own":
        raise Refused(problem="not_found")
    return AccountOwner(account=account, name=found.name, serving=found.standing.serving)
