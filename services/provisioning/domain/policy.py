"""What an agency's rules say about a configuration."""

from dataclasses import dataclass
from datetime import date, datetime

from bmt.agencies import charter
from bmt.agencies.states import State


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that a request is configured by.

    The defaults are for a request whose agency no longer stands in agencies.yaml: what was approved must
    not be lost, and an officer can always do it.

    Attributes:
        ipms_connector: how IPMS is driven.
        storage_connector: how the transfer storage is driven.
        working_days: the client charter's days for configuring.
        state: whose weekend and holidays count.
        closed_days: on which the agency is closed, beside its state's holidays.
        approver_may_configure: separation of duties between approver and configurer.
        largest_quota_bytes: the most that a decision may grant; None: what was asked.
        largest_file_bytes: likewise.
    """

    ipms_connector: str = "worklist"
    storage_connector: str = "copyparty"
    working_days: int = 1
    state: State = "kuala-lumpur"
    closed_days: frozenset[date] = frozenset()
    approver_may_configure: bool = True
    largest_quota_bytes: int | None = None
    largest_file_bytes: int | None = None

    def due_at(self, since: datetime) -> datetime:
        """When what was approved at `since` is to be configured (client charter)."""
        return charter.due_at(since, self.working_days, self.state, self.closed_days)
