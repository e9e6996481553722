"""Whose turn it is where several requests are about one account: the one that was approved first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bmt.chassis.batcher import Batcher
from bmt.chassis.view_store import Query
from services.provisioning.domain.events import ConfigurationDue
from services.provisioning.views.configurations import (
    BEGUN,
    UNDER_WAY,
    Configuration,
    Configurations,
    must_wait,
    overtaken,
)

ACCOUNTS_AT_ONCE: Final = 50
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
        self._looks: Batcher[str, Sequence[Configuration] | None] = Batcher(
            self._look, ACCOUNTS_AT_ONCE
        )

    async def of(self, order: ConfigurationDue) -> Turn:
        """The turn of this order.

        Raises:
            StoreUnavailable: it cannot be told now.
        """
        (others,) = await self._looks.submit([order.request.applicant.account.casefold()])
        if others is None:
            return Turn(
                await must_wait(self._configurations, order),
                await overtaken(self._configurations, order),
            )
        place = (_stored(order.decided_at), order.request.request_id)
        return Turn(
            must_wait=any(_place(one) < place and one.status in UNDER_WAY for one in others),
            overtaken=any(_place(one) > place and one.status in BEGUN for one in others),
        )

    async def _look(self, accounts: Sequence[str]) -> Sequence[Sequence[Configuration] | None]:
        wanted = {"account": set(accounts), "status": _STATUSES}
        found = await self._configurations.find(Query(one_of=wanted, limit=MOST_FOUND))
        if len(found) == MOST_FOUND:
            return [None] * len(accounts)
        return [[one for one in found if one.account == account] for account in accounts]


def _place(one: Configuration) -> tuple[datetime, str]:
    return _stored(one.approved_at), one.request_id


def _stored(moment: datetime) -> datetime:
    """As MongoDB keeps it: in milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
