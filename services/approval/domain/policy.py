"""What an agency's rules say about a decision."""

from dataclasses import dataclass
from datetime import date, datetime

from bmt.agencies import charter
from bmt.agencies.agency import NO_CLAIMS, Appointment, Claims
from bmt.agencies.charter import State


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for opening and deciding a review.

    The defaults are for a request whose agency was removed from agencies.yaml. It is due after three working
    days in the federal capital, so it becomes overdue if nobody decides, and at most what was asked can be
    approved.

    Attributes:
        working_days: the client charter's days for deciding.
        state: its weekend and holidays count.
        largest_quota_bytes: the agency's maximum; None: what was asked.
        largest_file_bytes: the agency's maximum; None: what was asked.
        approval_levels: how many administrators must approve what is received now.
        acting: who may act for whom; empty: anybody for anybody.
        registrar_may_approve: whether the submitter may approve.
        closed_days: closed days of the agency, in addition to the state's holidays.
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
        """When a review that begins at `since` must be decided (client charter)."""
        return charter.due_at(since, self.working_days, self.state, self.closed_days)
