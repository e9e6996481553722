"""Plans: what configuring a request would change. They are read live, and stored nowhere."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Id, api_router, problems
from bmt.contracts.events import Granted
from bmt.contracts.http.provisioning import ByHand, Obstacle, Plan
from bmt.contracts.values import LARGEST_EXACT_INTEGER, Status
from services.provisioning.api import Overseer, sees
from services.provisioning.connectors.connector import TargetRefused
from services.provisioning.connectors.targets import Outlook
from services.provisioning.domain.configuration import STATUS, Configured, Known, NotRequested
from services.provisioning.domain.errors import UnknownRequest
from services.provisioning.domain.order import Order, by_hand, goal, suppose
from services.provisioning.handlers import policy_of, stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.queries import under_way
from services.provisioning.views import Review


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
    goes = Outlook() if outlook.refusals else outlook
    return Plan(
        request_id=request_id,
        kind=order.kind,
        account=order.account,
        status="if_approved",
        plan=goes.changes,
        obstacles=_obstacles(outlook.refusals),
        leads_to=_leads_to(outlook),
        granted=order.approved,
        by_hand=_by_hand(goes, order),
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

router = api_router(tags=["configuration"])


@router.get(
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
