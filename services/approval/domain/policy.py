"""What an agency's rules say about a decision."""

from dataclasses import dataclass
from datetime import datetime

from bmt.agencies import charter
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
    """

    working_days: int = 3
    state: State = "kuala-lumpur"
    largest_quota_bytes: int | None = None
    largest_file_bytes: int | None = None

    def due_at(self, since: datetime) -> datetime:
        """When a review that begins at `since` is to be decided (client charter)."""
        return charter.due_at(since, self.working_days, self.state)
