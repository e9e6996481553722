"""The HTTP API of provisioning: what is approved and not in force yet, what failed, what is in force, and plans.

A plan is what configuring a request would change. It is read live, and stored nowhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import AwareDatetime

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    PageRequest,
    Paging,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.http.sorting import SortedPage, Sorting
from bmt.contracts.events import Granted
from bmt.contracts.http.provisioning import (
    ByHand,
    ConfigurationState,
    Entitlement,
    Failure,
    Obstacle,
    Plan,
    RetryAccepted,
    RetryOrder,
    Unfinished,
)
from bmt.contracts.problems import Refused
from bmt.contracts.values import LARGEST_EXACT_INTEGER, Status
from services.provisioning import handlers, queries
from services.provisioning.connectors.connector import TargetRefused
from services.provisioning.connectors.targets import Outlook
from services.provisioning.domain.configuration import STATUS, Configured, Known, NotRequested
from services.provisioning.domain.errors import UnknownRequest
from services.provisioning.domain.order import Order, by_hand, goal, suppose
from services.provisioning.handlers import policy_of, stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.queries import under_way
from services.provisioning.views import Configuration, Review

BY_TIME: Final = Paging(tuple[AwareDatetime, str])
FAILURES: Final = Sorting({"due_at": AwareDatetime, "name": str | None})
MOST_REASONS: Final = 1000
MOST_LINES: Final = 10_000
"""Of a report."""
CSV_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}
_NO_BODY: Final = RetryOrder()

Overseer = Annotated[Principal, Depends(require("administrator", "operator", "auditor"))]
Reader = Annotated[Principal, Depends(require("administrator", "operator", "auditor", "applicant"))]
RetryCommand = Annotated[CommandContext, Depends(command("operator", "administrator"))]
TimePage = Annotated[PageRequest[queries.TimePlace], Depends(BY_TIME)]
FailuresPage = Annotated[SortedPage, Depends(FAILURES.requested)]


class NothingInForce(Refused):
    """Nothing was ever configured for the account, or its agency is not the caller's."""

    problem = "not_found"


router = api_router(tags=["configuration"])


@router.post(
    "/v1/requests/{request_id}/retry",
    summary="Try again after a failure",
    status_code=202,
    response_model=RetryAccepted,
    responses=problems("not_found", "request_closed", "validation_failed"),
)
async def retry(
    here: Here, request_id: Id, context: RetryCommand, body: RetryOrder = _NO_BODY
) -> JsonResponse:
    """Operators for every agency, administrators for their own.

    After `ConfigurationFailed` with `retryable`, once its cause is mended. A request that is under way
    goes on by itself: then this changes nothing. 409 `request_closed`: the request is configured, the
    failure is one that no retry mends, or a later request for the same account has begun. `by_hand`: a
    task for an officer is opened in the place of IPMS' interface; 422 where another target failed.
    """
    executed = await handlers.retry(request_id, body, context, here)
    return answer(executed, RetryAccepted(request_id=request_id), 202)


@router.get("/v1/configurations", summary="What is approved and not configured yet, and why")
async def unfinished(here: Here, caller: Overseer, page: TimePage) -> Page[Unfinished]:
    """The earliest due first; every one has a reason and an age."""
    found = await queries.unfinished(here.configurations, agency_seen_by(caller), page)
    waiting = {item.subject: item.waiting_for for item in await here.work.list(MOST_REASONS)}
    items = [_unfinished(one, waiting.get(one.request_id)) for one in found]
    return BY_TIME.page(items, page, key=lambda item: (item.due_at, item.request_id))


@router.get("/v1/failures", summary="Configurations that failed and wait for a person")
async def failures(here: Here, caller: Overseer, page: FailuresPage) -> Page[Failure]:
    """The earliest due first. Administrators see their own agency's, operators all, in this order alone.

    What is retried is in the list no more, until it fails again.
    """
    agency = agency_seen_by(caller)
    if agency is None:
        FAILURES.require_own(page)
    items = [failure(one) for one in await queries.failed(here.configurations, agency, page)]
    return FAILURES.page(items, page, key=lambda item: (_key(item, page.order), item.request_id))


def _key(item: Failure, order: str) -> datetime | str | None:
    return item.applicant_name if order == "name" else item.due_at


@router.get(
    "/v1/requests/{request_id}/configuration",
    summary="How far the configuration of a request is, and why it failed",
    responses=problems("not_found"),
)
async def configuration(here: Here, request_id: Id, caller: Reader) -> ConfigurationState:
    """404 also for a request that nobody approved. Administrators for their own agency, applicants for themselves.

    Applicants are not told who tried again, and why.
    """
    found = await here.configurations.get(request_id)
    if found is None:
        raise UnknownRequest
    oversees = sees(caller, found.agency)
    if not oversees and caller.subject.casefold() != found.account:
        raise UnknownRequest
    hidden = {"account"} if oversees else {"account", "last_retry"}
    shown = found.model_dump(exclude=hidden) | await _away(here, found)
    return ConfigurationState.model_validate(shown)


async def _away(here: Here, found: Configuration) -> dict[str, Any]:
    if found.status not in ("approved", "configuring"):
        return {}
    reasons = [item.waiting_for for item in await here.work.about(found.request_id)]
    awaited = next(filter(None, map(here.targets.awaited, reasons)), None)
    if awaited is None:
        return {}
    return {"away": awaited.target, "away_since": awaited.since, "away_until": awaited.until}


@router.get(
    "/v1/entitlements/{account}",
    summary="What is in force for an account, with its evidence",
    responses=problems("not_found"),
)
async def entitlement(here: Here, account: Id, caller: Reader) -> Entitlement:
    """Administrators for their own agency, applicants for themselves."""
    found = await here.entitlements.get(account.casefold())
    own = caller.subject.casefold() == account.casefold()
    if found is None or not (own or sees(caller, found.agency)):
        raise NothingInForce("Nothing was configured for such an account of your agency.")
    return found


def sees(caller: Principal, agency: str) -> bool:
    """Whether a caller may read an agency's requests: administrators their own agency's, and as `agency_seen_by`."""
    only = agency_seen_by(caller)
    return only is None or (caller.has("administrator", "auditor") and only == agency)


def agency_seen_by(caller: Principal) -> str | None:
    """The only agency whose requests the caller may list; None: all.

    Operators list all; auditors all, or those of the agency in their token.
    """
    everything = caller.has("operator") or (caller.has("auditor") and not caller.agency)
    return None if everything else caller.agency


def _unfinished(found: Configuration, reason: str | None) -> Unfinished:
    """An item of the list; the worker's last reason is more exact than the status."""
    return Unfinished.model_validate(
        {**found.model_dump(), "waiting_for": reason or found.waiting_for}
    )


def failure(found: Configuration) -> Failure:
    """An item of the list of failures."""
    return Failure.model_validate({**found.model_dump(), "reason": found.waiting_for})


async def plan_of(request_id: str, proposed: Granted, caller: Principal, here: Ports) -> Plan:
    """The plan of a request that the caller may read; `proposed` sizes count while it is not decided.

    Raises:
        UnknownRequest: it is unknown, or another agency's.
        SizesWrong: no decision could grant these sizes.
        Unavailable: a target is unreachable, or does not answer in time.
    """
    # The review first: an approval that arrives in between is then found in the stream.
    review = await here.reviews.get(request_id)
    state = await here.execution.state(stream_of(request_id))
    if not isinstance(state, NotRequested):
        _require_sight(caller, state.order.request.agency)
        return await _of_approved(state, here)
    if review is None:
        raise UnknownRequest
    _require_sight(caller, review.agency)
    if review.status == "open":
        return await _if_approved(request_id, review, proposed, here)
    return Plan(
        request_id=request_id,
        kind=review.kind,
        account=review.account,
        status=review.status,
        plan=(),
        obstacles=(),
    )


async def _of_approved(state: Known, here: Ports) -> Plan:
    """What configuring it would change; nothing once it is configured."""
    order = state.order
    read_at = None if isinstance(state, Configured) else here.clock()
    statement = getattr(state, "statement", None)
    outlook = await here.plan_reader.outlook(order, statement) if read_at else Outlook()
    return Plan(
        request_id=order.request.request_id,
        kind=order.kind,
        account=order.account,
        status=STATUS[type(state)],
        plan=outlook.changes,
        obstacles=_obstacles(outlook.refusals),
        granted=order.approved,
        by_hand=_by_hand(outlook, order),
        read_at=read_at,
    )


async def _if_approved(request_id: str, review: Review, proposed: Granted, here: Ports) -> Plan:
    """The plan for an approval now; nothing would change if a target refused."""
    policy = policy_of(review.agency, here.agencies)
    order = suppose(review.kind, review.account, review.asked, proposed, policy)
    waits = await under_way(here.configurations, review.account)
    read_at = here.clock()
    outlook = await here.plan_reader.outlook(order, None)
    feasible = Outlook() if outlook.refusals else outlook
    return Plan(
        request_id=request_id,
        kind=order.kind,
        account=order.account,
        status="if_approved",
        plan=feasible.changes,
        obstacles=_obstacles(outlook.refusals),
        leads_to=_leads_to(outlook),
        granted=order.approved,
        by_hand=_by_hand(feasible, order),
        waits_for_earlier=waits,
        read_at=read_at,
    )


def _require_sight(caller: Principal, agency: str) -> None:
    if not sees(caller, agency):
        raise UnknownRequest


def _obstacles(refusals: Sequence[TargetRefused]) -> tuple[Obstacle, ...]:
    return tuple(
        Obstacle(target=one.target, reason=one.reason, code=one.code, values=one.values)
        for one in refusals
    )


def _leads_to(outlook: Outlook) -> Status:
    if outlook.refusals:
        return "configuration_failed"
    return "awaiting_operator" if outlook.by_hand else "configured"


def _by_hand(outlook: Outlook, order: Order) -> tuple[ByHand, ...]:
    return tuple(
        ByHand(
            target=needed.target,
            instructions=needed.instructions,
            settings=by_hand(needed.target, goal(order)),
        )
        for needed in outlook.by_hand
    )


# Over HTTP.

Size = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST_EXACT_INTEGER,
        description="Bytes. See the plan for this size; default: as asked. Applications only, and "
        "only before the decision: then the size that was approved counts.",
    ),
]

plan_router = api_router(tags=["configuration"])


@plan_router.get(
    "/v1/requests/{request_id}/plan",
    summary="What configuring would change, or approving, read live",
    responses=problems("not_found", "validation_failed", "quota_exceeds_maximum", "unavailable"),
)
async def plan(
    here: Here,
    request_id: Id,
    caller: Overseer,
    quota_bytes: Size = None,
    max_file_size_bytes: Size = None,
) -> Plan:
    """For requests that were approved, and for those under review: what if it were approved now.

    Looking changes nothing. 503 while a target is away, takes in a change, or does not answer
    within some seconds: nothing is guessed. 422: no decision could grant such sizes.
    """
    proposed = Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)
    return await plan_of(request_id, proposed, caller, here)
