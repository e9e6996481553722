"""What an agency's rules say about a decision."""

from dataclasses import dataclass
from datetime import date, datetime

from bmt.agencies import charter
from bmt.agencies.accounts import NO_CLAIMS, Claims
from bmt.agencies.deciding import Appointment
from bmt.agencies.states import State


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that a review is opened and decided by.

    The defaults are for a request whose agency no longer stands in agencies.yaml. Such a request must
    not be lost: it is due after three working days in the federal capital, so that it shows as overdue
    if nobody decides, and at most what was asked (and allowed when it was received) can be approved.

    Attributes:
        working_days: the client charter's days for deciding.
        state: whose weekend and holidays count.
        largest_quota_bytes: the agency's maximum; None: what was asked.
        largest_file_bytes: the largest file the agency allows; None: what was asked.
        approval_levels: how many administrators must approve what is received now.
        acting: who acts for whom; empty: anybody may say for whom they act.
        registrar_may_approve: whether who handed a request in may approve it.
        closed_days: on which the agency is closed, beside its state's holidays.
        claims: which agency claims which accounts.
    """

    working_days: int = 3
    state: State = "kuala-lumpur"
    largest_quota_bytes: int | None = None
    largest_file_bytes: int | None = None
    approval_levels: int = 1
    acting: tuple[Appointment, ...] = ()
    registrar_may_approve: bool = True
    closed_days: frozenset[date] = frozenset()
    claims: Claims = NO_CLAIMS

    def due_at(self, since: datetime) -> datetime:
        """When a review that begins at `since` is to be decided (client charter)."""
        return charter.due_at(since, self.working_days, self.state, self.closed_days)
