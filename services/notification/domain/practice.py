"""What an agency's rules say about telling its users."""

from dataclasses import dataclass
from datetime import datetime

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.agencies.states import State


@dataclass(frozen=True, slots=True)
class Practice:
    """How an agency tells.

    The defaults are for a request whose agency no longer stands in agencies.yaml: its user is told all
    the same, in the name of the agency's code, and nothing is promised.

    Attributes:
        name: the agency as its letterhead says it.
        decide_days: the client charter's working days for a decision; None: nothing is promised.
        notify_days: the client charter's working days for telling the outcome.
        state: whose weekend and holidays count.
        on_preparation: a paper counts as handed over once it is prepared.
    """

    name: str
    decide_days: int | None = None
    notify_days: int = 1
    state: State = "kuala-lumpur"
    on_preparation: bool = False

    def due_at(self, since: datetime) -> datetime:
        """When an outcome that stands since then must have been told."""
        return charter.due_at(since, self.notify_days, self.state)


def practice_of(agency: str, agencies: Agencies) -> Practice:
    """How `agency` tells its users."""
    if agency not in agencies:
        return Practice(name=agency)
    rules = agencies.get(agency).rules
    return Practice(
        name=rules.name,
        decide_days=rules.charter_working_days.decide,
        notify_days=rules.charter_working_days.notify,
        state=rules.state,
        on_preparation=rules.paper_dispatch == "on-preparation",
    )
