"""Every approved request: where its configuration stands, and what it waits for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection
from bmt.contracts.events import (
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Retried,
    Target,
)
from bmt.contracts.http.provisioning import Unfinished
from services.provisioning.domain.events import ConfigurationDue, RetryRequested, TaskCompleted

Place = tuple[AwareDatetime, str]
"""Where a request stands among the unfinished: when it was approved, then its id."""

UNDER_WAY: Final = ("approved", "configuring", "awaiting_operator")
FAILED: Final = ("configuration_failed",)
UNFINISHED: Final = (*UNDER_WAY, *FAILED)
BEGUN: Final = ("configuring", "awaiting_operator", "configured")


class Configuration(Unfinished):
    """One request's configuration; `account` without regard to case, as IPMS compares it.

    Attributes:
        target: what refused last.
        failed_at: when it did.
        failures: how often.
        last_retry: who tried again last.
    """

    account: str
    target: Target | None = None
    failed_at: AwareDatetime | None = None
    failures: int = 0
    last_retry: Retried | None = None


Configurations = ViewProjection[Configuration]


def fold(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """Where the request stands after `incoming`, and what it waits for."""
    if isinstance(incoming.data, ConfigurationDue):
        return _due(incoming.data)
    return {**document, **_moved(document, incoming)} if document else None


def _moved(document: Body, incoming: IncomingEvent[BaseModel]) -> Body:
    changes: Body = {}
    match incoming.data:
        case ConfigurationStarted() | TaskCompleted():
            changes = {"status": "configuring", "waiting_for": "its targets"}
        case AwaitingOperator(task_id=task_id):
            changes = {"status": "awaiting_operator", "waiting_for": f"an officer: task {task_id}"}
        case ConfigurationFailed() as failed:
            changes = _failed(failed, incoming.time, document["failures"])
        case RetryRequested() as retry:
            changes = _retried(retry)
        case Configured():
            changes = {"status": "configured", "waiting_for": ""}
    return changes


def _failed(failed: ConfigurationFailed, at: datetime, before: int) -> Body:
    return {
        "status": "configuration_failed",
        "waiting_for": failed.reason,
        "retryable": failed.retryable,
        "target": failed.target,
        "failed_at": at,
        "failures": before + 1,
    }


def _retried(retry: RetryRequested) -> Body:
    by = retry.requested_by.model_dump()
    return {
        "status": "approved",
        "waiting_for": "its turn",
        "retryable": False,
        "last_retry": {"by": by, "at": retry.requested_at, "reason": retry.reason},
    }


def _due(order: ConfigurationDue) -> Body:
    request = order.request
    return {
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account.casefold(),
        "status": "approved",
        "approved_at": order.decided_at,
        "due_at": order.due_at,
        "waiting_for": "its turn",
        "retryable": False,
        "target": None,
        "failed_at": None,
        "failures": 0,
        "last_retry": None,
    }


CONFIGURATIONS: Final = View(
    name="configurations",
    model=Configuration,
    fold=fold,
    indexes=[
        ("account", "approved_at", "_id"),
        ("agency", "status", "approved_at", "_id"),
        ("status", "approved_at", "_id"),
        ("status", "due_at"),
    ],
)


async def must_wait(configurations: Configurations, order: ConfigurationDue) -> bool:
    """Whether a request for the same account that was approved before is still under way."""
    before = replace(_of_the_account(order, UNDER_WAY), descending=True)
    return bool(await configurations.find(before))


async def overtaken(configurations: Configurations, order: ConfigurationDue) -> bool:
    """Whether a request for the same account that was approved later has begun, or is configured."""
    return bool(await configurations.find(_of_the_account(order, BEGUN)))


def _of_the_account(order: ConfigurationDue, statuses: Collection[str]) -> Query:
    """The next one after this order; of two that were approved in one millisecond the ids tell."""
    request = order.request
    return Query(
        equal={"account": request.applicant.account.casefold()},
        one_of={"status": statuses},
        order_by="approved_at",
        after=(order.decided_at, request.request_id),
        limit=1,
    )


async def under_way(configurations: Configurations, account: str) -> bool:
    """Whether anything that was approved for the account is still under way."""
    of_account = {"account": account.casefold()}
    query = Query(equal=of_account, one_of={"status": UNDER_WAY}, limit=1)
    return bool(await configurations.find(query))


async def overdue(configurations: Configurations, now: datetime) -> Mapping[str, int]:
    """How many requests of each agency should have been configured before `now`."""
    query = Query(one_of={"status": UNFINISHED}, below={"due_at": now})
    counts = await configurations.count(["agency"], query)
    return {agency: count for (agency,), count in counts.items()}


async def unfinished(
    configurations: Configurations, agency: str | None, page: PageRequest[Place]
) -> list[Configuration]:
    """What was approved and is not configured, the longest ago first; of one agency, or of all (None)."""
    return await _in_status(configurations, agency, UNFINISHED, page)


async def failed(
    configurations: Configurations, agency: str | None, page: PageRequest[Place]
) -> list[Configuration]:
    """Those whose configuration failed, and which nobody retried since; order and agency likewise."""
    return await _in_status(configurations, agency, FAILED, page)


async def _in_status(
    configurations: Configurations,
    agency: str | None,
    statuses: Collection[str],
    page: PageRequest[Place],
) -> list[Configuration]:
    return await configurations.find(
        Query(
            equal={} if agency is None else {"agency": agency},
            one_of={"status": statuses},
            order_by="approved_at",
            after=page.after,
            limit=page.lookahead,
        )
    )


# Whose turn it is where several requests are about one account: the one that was approved first.


ACCOUNTS_AT_ONCE: Final = 200
MOST_FOUND: Final = 1_000
"""Beyond it each request is looked at by itself."""

_STATUSES: Final = tuple({*UNDER_WAY, *BEGUN})


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a request stands among those for the same account.

    Attributes:
        must_wait: one that was approved before is still under way.
        overtaken: one that was approved later has begun, or is configured.
    """

    must_wait: bool
    overtaken: bool


class Turns:
    """Looks at the configurations of many accounts with one query."""

    def __init__(self, configurations: Configurations) -> None:
        """Asks `configurations`."""
        self._configurations = configurations

    async def of(self, orders: Sequence[ConfigurationDue]) -> Sequence[Turn]:
        """The turn of each order.

        Raises:
            StoreUnavailable: it cannot be told now.
        """
        turns: list[Turn] = []
        for begin in range(0, len(orders), ACCOUNTS_AT_ONCE):
            turns += await self._of(orders[begin : begin + ACCOUNTS_AT_ONCE])
        return turns

    async def _of(self, orders: Sequence[ConfigurationDue]) -> Sequence[Turn]:
        wanted = {"account": {_account(order) for order in orders}, "status": _STATUSES}
        found = await self._configurations.find(Query(one_of=wanted, limit=MOST_FOUND))
        if len(found) == MOST_FOUND:
            return [await self._alone(order) for order in orders]
        others: dict[str, list[Configuration]] = {}
        for one in found:
            others.setdefault(one.account, []).append(one)
        return [_turn(order, others.get(_account(order), ())) for order in orders]

    async def _alone(self, order: ConfigurationDue) -> Turn:
        return Turn(
            await must_wait(self._configurations, order),
            await overtaken(self._configurations, order),
        )


def _turn(order: ConfigurationDue, others: Sequence[Configuration]) -> Turn:
    place = (_stored(order.decided_at), order.request.request_id)
    return Turn(
        must_wait=any(_place(one) < place and one.status in UNDER_WAY for one in others),
        overtaken=any(_place(one) > place and one.status in BEGUN for one in others),
    )


def _account(order: ConfigurationDue) -> str:
    return order.request.applicant.account.casefold()


def _place(one: Configuration) -> tuple[datetime, str]:
    return _stored(one.approved_at), one.request_id


def _stored(moment: datetime) -> datetime:
    """As MongoDB keeps it: in milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
