"""Plans: what configuring a request would change. They are read live, and stored nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import Granted
from bmt.contracts.http.provisioning import ByHand, Obstacle, Plan
from bmt.contracts.values import Status
from services.provisioning import handlers
from services.provisioning.connectors.connector import TargetRefused
from services.provisioning.connectors.targets import Outlook, PlanReader
from services.provisioning.domain import configuration as states
from services.provisioning.domain.errors import UnknownRequest
from services.provisioning.domain.order import Order, by_hand, goal, suppose
from services.provisioning.queries import under_way
from services.provisioning.views import Configurations, Review, Reviews


@dataclass(frozen=True, slots=True)
class Plans:
    """Plans of requests that are under review or approved.

    `reviews` has the requests that nobody has approved; an approved one has its own stream.
    """

    execution: Execution[Any, Any]
    reviews: Reviews
    configurations: Configurations
    reader: PlanReader
    agencies: Agencies
    clock: Clock

    async def of(self, request_id: str, proposed: Granted, caller: Principal) -> Plan:
        """The plan of a request that the caller may read; `proposed` sizes count while it is not decided.

        Raises:
            UnknownRequest: it is unknown, or another agency's.
            SizesWrong: no decision could grant these sizes; `QuotaAboveMaximum` likewise.
            Unavailable: a target is unreachable, or does not answer in time.
        """
        # The review first: an approval that arrives in between is then found in the stream.
        review = await self.reviews.get(request_id)
        state = await self.execution.state(handlers.stream_of(request_id))
        if not isinstance(state, states.NotRequested):
            _require_sight(caller, state.order.request.agency)
            return await self._of_approved(state)
        if review is None:
            raise UnknownRequest
        _require_sight(caller, review.agency)
        if review.status == "open":
            return await self._if_approved(request_id, review, proposed)
        return Plan(
            request_id=request_id,
            kind=review.kind,
            account=review.account,
            status=review.status,
            plan=(),
            obstacles=(),
        )

    async def _of_approved(self, state: states.Known) -> Plan:
        """What configuring it would change; nothing once it is configured."""
        order = state.order
        read_at = None if isinstance(state, states.Configured) else self.clock()
        statement = getattr(state, "statement", None)
        outlook = await self.reader.outlook(order, statement) if read_at else Outlook()
        return Plan(
            request_id=order.request.request_id,
            kind=order.kind,
            account=order.account,
            status=states.STATUS[type(state)],
            plan=outlook.changes,
            obstacles=_obstacles(outlook.refusals),
            granted=order.approved,
            by_hand=_by_hand(outlook, order),
            read_at=read_at,
        )

    async def _if_approved(self, request_id: str, review: Review, proposed: Granted) -> Plan:
        """The plan for an approval now; nothing would change if a target refused."""
        policy = handlers.policy_of(review.agency, self.agencies)
        order = suppose(review.kind, review.account, review.asked, proposed, policy)
        waits = await under_way(self.configurations, review.account)
        read_at = self.clock()
        outlook = await self.reader.outlook(order, None)
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
    if not handlers.sees(caller, agency):
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
