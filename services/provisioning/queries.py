"""Queries of the views: the order of requests for one account, the lists of configurations, and the comparisons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime

from bmt.chassis.errors import CausationReused
from bmt.chassis.http.routes import CommandContext, PageRequest
from bmt.chassis.http.sorting import SortedPage
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.runtime import mongodb
from bmt.contracts.http.provisioning import DriftReleased, DriftRun
from services.provisioning.domain.errors import NotHeldBack, UnknownRun
from services.provisioning.domain.events import ConfigurationDue
from services.provisioning.views import Configuration, Configurations

TimePlace = tuple[AwareDatetime, str]
"""The sort key of a configuration: when it is due, and its request's id."""

UNDER_WAY: Final = ("approved", "configuring", "awaiting_operator")
FAILED: Final = ("configuration_failed",)
UNFINISHED: Final = (*UNDER_WAY, *FAILED)
BEGUN: Final = ("configuring", "awaiting_operator", "configured")


async def must_wait(configurations: Configurations, order: ConfigurationDue) -> bool:
    """Whether an earlier request for the same account is under way."""
    before = replace(_of_the_account(order, UNDER_WAY), descending=True)
    return bool(await configurations.find(before))


async def overtaken(configurations: Configurations, order: ConfigurationDue) -> bool:
    """Whether a later request for the same account has begun, or is configured."""
    return bool(await configurations.find(_of_the_account(order, BEGUN)))


def _of_the_account(order: ConfigurationDue, statuses: Collection[str]) -> Query:
    """The next request after this order; the ids order those of one millisecond."""
    request = order.request
    return Query(
        equal={"account": request.applicant.account.casefold()},
        one_of={"status": statuses},
        order_by="approved_at",
        after=(order.decided_at, request.request_id),
        limit=1,
    )


async def under_way(configurations: Configurations, account: str) -> bool:
    """Whether a request for the account is under way."""
    of_account = {"account": account.casefold()}
    query = Query(equal=of_account, one_of={"status": UNDER_WAY}, limit=1)
    return bool(await configurations.find(query))


async def overdue(configurations: Configurations, now: datetime) -> Mapping[str, int]:
    """The number of requests of each agency that should have been configured before `now`."""
    query = Query(one_of={"status": UNFINISHED}, below={"due_at": now})
    counts = await configurations.count(["agency"], query)
    return {agency: count for (agency,), count in counts.items()}


async def unfinished(
    configurations: Configurations, agency: str | None, page: PageRequest[TimePlace]
) -> list[Configuration]:
    """Approved requests that are not configured, the earliest due first; of one agency, or of all (None)."""
    return await configurations.find(
        Query(
            **_of_agency(agency, UNFINISHED),
            order_by="due_at",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def failed(
    configurations: Configurations, agency: str | None, page: SortedPage
) -> list[Configuration]:
    """Failed requests that nobody has retried; of one agency, or of all (None)."""
    return await configurations.find(
        Query(
            **_of_agency(agency, FAILED),
            order_by="applicant_name" if page.order == "name" else page.order,
            descending=page.descending,
            nullable=page.order == "name",
            after=page.after,
            limit=page.lookahead,
        )
    )


def _of_agency(agency: str | None, statuses: Collection[str]) -> dict[str, Any]:
    equal = {} if agency is None else {"agency": agency}
    return {"equal": equal, "one_of": {"status": statuses}}


# The turn of a request among several for one account: the earliest approval comes first.

ACCOUNTS_AT_ONCE: Final = 200
MOST_FOUND: Final = 1_000
"""Beyond this number, each request is looked up by itself."""

_STATUSES: Final = tuple({*UNDER_WAY, *BEGUN})


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a request must wait for an earlier one for the account, or was overtaken by a later one."""

    must_wait: bool
    overtaken: bool


class Turns:
    """Finds the turns of many accounts with one query."""

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations

    async def of(self, orders: Sequence[ConfigurationDue]) -> Sequence[Turn]:
        """The turn of each order.

        Raises:
            StoreUnavailable: the store is unreachable.
        """
        turns: list[Turn] = []
        for begin in range(0, len(orders), ACCOUNTS_AT_ONCE):
            turns += await self._of(orders[begin : begin + ACCOUNTS_AT_ONCE])
        return turns

    async def _of(self, orders: Sequence[ConfigurationDue]) -> Sequence[Turn]:
        criteria = {"account": {_account(order) for order in orders}, "status": _STATUSES}
        found = await self._configurations.find(Query(one_of=criteria, limit=MOST_FOUND))
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
    """MongoDB stores milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


RUNS: Final = "drift_runs"


class DriftRuns:
    """The comparisons that were made, the latest first."""

    def __init__(self, collection: mongodb.Collection) -> None:
        self._runs = collection

    async def add(self, run: DriftRun) -> None:
        with mongodb.store_errors():
            await self._runs.insert_one({"_id": run.run_id, **run.model_dump(exclude={"run_id"})})

    async def release(
        self, run_id: str, released: DriftReleased, context: CommandContext
    ) -> DriftReleased:
        """Keep with the latest comparison that the next one need not hold back as much. Returns what is kept, by this call's first try.

        Raises:
            UnknownRun, NotHeldBack: nothing was changed.
        """
        command = {"id": context.causation, "fingerprint": context.fingerprint}
        (latest,) = await self.latest(1) or (None,)
        with mongodb.store_errors():
            if latest and latest.run_id == run_id and latest.held_back:
                change = {"$set": {"released": released.model_dump(), "command": command}}
                done = await self._runs.update_one({"_id": run_id, "released": None}, change)
                if done.modified_count:
                    return released
            found = await self._runs.find_one({"_id": run_id})
        if found is None:
            raise UnknownRun
        before = found.get("command", {})
        if before.get("id") != command["id"]:
            raise NotHeldBack
        if before != command:
            raise CausationReused(context.causation)
        return DriftReleased.model_validate(found["released"])

    async def latest(self, limit: int) -> Sequence[DriftRun]:
        with mongodb.store_errors():
            found = await self._runs.find().sort("_id", -1).limit(limit).to_list(None)
        return [DriftRun.model_validate({**one, "run_id": one["_id"]}) for one in found]
