"""Whose turn it is where several requests are about one account: the one that was approved first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bmt.chassis.readmodels.view_store import Query
from services.provisioning.domain.events import ConfigurationDue
from services.provisioning.views.configurations import (
    BEGUN,
    UNDER_WAY,
    Configuration,
    Configurations,
    must_wait,
    overtaken,
)

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
