"""Where a request stands: for its readers, and for people who have its reference and the code of its acknowledgement.

Others learn nothing, not even that the request exists.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from fastapi import Request
from pydantic import BaseModel

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.chassis.http.limits import RateLimit
from bmt.chassis.http.routes import api_router, problems
from bmt.contracts.events import RequestFacts
from bmt.contracts.http.intake import (
    PublicStatus,
    PublicStep,
    ReferenceAndCode,
    RequestStatus,
    Step,
)
from bmt.contracts.values import Status, is_same_code, read_reference, status_code
from services.intake.domain.errors import NoSuchStatus
from services.intake.ports import Here
from services.intake.views import RequestDocument

Promise = Literal["decide", "configure", "notify"]

_PROMISED: Final[Mapping[Status, tuple[Promise, str]]] = {
    "received": ("decide", "received"),
    "approved": ("configure", "approved"),
    "configuring": ("configure", "approved"),
    "awaiting_operator": ("configure", "approved"),
    "configuration_failed": ("configure", "approved"),
    "configured": ("notify", "configured"),
    "rejected": ("notify", "rejected"),
    "withdrawn": ("notify", "withdrawn"),
}
"""What is promised in a status, and the step that its working days begin with."""


def due_at(document: RequestDocument, agencies: Agencies) -> datetime | None:
    """The latest time of what the request waits for; None: nothing is promised."""
    promise, since = _PROMISED.get(document.status, (None, None))
    begun = [one.at for one in document.steps if one.step == since]
    if promise is None or not begun or document.agency not in agencies:
        return None
    rules = agencies.get(document.agency).rules
    days = getattr(rules.charter_working_days, promise)
    return charter.due_at(begun[-1], days, rules.state, frozenset(rules.closed_days))


_INTERNAL: Final = frozenset({"notification_prepared"})
"""Steps that mean nothing to the applicant."""
_NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
"""The request whose code is computed for an unknown reference, so that both answers take as long."""


def steps_of(document: RequestDocument) -> tuple[Step, ...]:
    return tuple(
        Step(step=step.step, at=step.at, by=step.by, detail=step.detail) for step in document.steps
    )


def facts_of(facts: RequestFacts, model: type[BaseModel]) -> dict[str, Any]:
    """The facts of a request that an answer has under the same names."""
    return {name: each for name, each in vars(facts).items() if name in model.model_fields}


def request_status(document: RequestDocument, agencies: Agencies) -> RequestStatus:
    return RequestStatus(
        **facts_of(document.facts, RequestStatus),
        status=document.status,
        steps=steps_of(document),
        warnings=document.warnings,
        granted=document.granted,
        decision=document.decision,
        approvals_before=document.approvals_before,
        due_at=due_at(document, agencies),
    )


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
    codes = tuple(agency.code for agency in here.agencies)
    name = read_reference(body.reference, codes) or body.reference.strip()
    found, key = None, here.status_code_key
    for one in await here.requests.referred_to(name) or (None,):
        request_id = one.facts.request_id if one else _NOBODYS
        is_right = key is not None and is_same_code(status_code(key, request_id), body.code)
        if is_right and one is not None:
            found = one
    if found is None:
        raise NoSuchStatus
    facts, due = found.facts, due_at(found, here.agencies)
    return PublicStatus(
        reference=facts.reference,
        status=found.status,
        steps=tuple(
            PublicStep(step=one.step, at=one.at) for one in found.steps if one.step not in _INTERNAL
        ),
        decision_due_at=due if found.status == "received" else None,
        due_at=due,
        kind=facts.kind,
        agency=facts.agency,
        reply_through=facts.reply_through,
    )
