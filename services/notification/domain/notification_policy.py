"""What an agency's rules say about telling its users."""

from dataclasses import dataclass
from datetime import date, datetime

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.agencies.states import State
from services.notification.domain.events import Level


@dataclass(frozen=True, slots=True)
class NotificationPolicy:
    """How an agency tells.

    The defaults are for a request whose agency no longer stands in agencies.yaml: its user is told all
    the same, in the name of the agency's code, and nothing is promised.

    Attributes:
        name: the agency as its letterhead says it.
        decide_days: the client charter's working days for a decision; None: nothing is promised.
        notify_days: the client charter's working days for telling the outcome.
        state: whose weekend and holidays count.
        closed_days: on which the agency is closed, beside its state's holidays.
        on_preparation: a paper counts as handed over once it is prepared.
        configure_days: the client charter's working days for configuring.
        office_email: who is reminded before a step is due; None: nobody.
        escalation_email: who is told when a step is overdue; None: nobody.
        remind_days_before: working days between that reminder and the due day.
    """

    name: str
    decide_days: int | None = None
    notify_days: int = 1
    state: State = "kuala-lumpur"
    closed_days: frozenset[date] = frozenset()
    on_preparation: bool = False
    configure_days: int = 1
    office_email: str | None = None
    escalation_email: str | None = None
    remind_days_before: int = 1

    def due_at(self, since: datetime) -> datetime:
        """When an outcome that stands since then must have been told."""
        return charter.due_at(since, self.notify_days, self.state, self.closed_days)

    def configured_by(self, decided_at: datetime) -> datetime:
        """When what was approved then must have been configured."""
        return charter.due_at(decided_at, self.configure_days, self.state, self.closed_days)

    def remind_at(self, since: datetime, due_at: datetime) -> datetime:
        """When the office is reminded of what it has had to do since then."""
        days = self.remind_days_before
        return charter.remind_at(since, due_at, days, self.state, self.closed_days)

    @property
    def reminds(self) -> bool:
        """Whether anybody is reminded, or told what is overdue."""
        return (self.office_email or self.escalation_email) is not None

    @property
    def told_of_failures(self) -> str | None:
        """Who is told that a configuration failed: the office, else who is above it; None: nobody."""
        return self.office_email or self.escalation_email

    def address_of(self, level: Level) -> str | None:
        """Who such a mail goes to; None: nobody."""
        return self.office_email if level == "reminder" else self.escalation_email


def notification_policy_of(agency: str, agencies: Agencies) -> NotificationPolicy:
    """How `agency` tells its users."""
    if agency not in agencies:
        return NotificationPolicy(name=agency)
    rules = agencies.get(agency).rules
    return NotificationPolicy(
        name=rules.name,
        decide_days=rules.charter_working_days.decide,
        notify_days=rules.charter_working_days.notify,
        state=rules.state,
        closed_days=frozenset(rules.closed_days),
        on_preparation=rules.paper_dispatch == "on-preparation",
        configure_days=rules.charter_working_days.configure,
        office_email=rules.office_email,
        escalation_email=rules.escalation_email,
        remind_days_before=rules.remind_working_days_before,
    )
