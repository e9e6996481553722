"""What an agency's rules say about notices."""

from dataclasses import dataclass
from datetime import date, datetime

from bmt.agencies import charter
from bmt.agencies.charter import State
from bmt.agencies.register import Agencies
from services.notification.domain.events import Level


@dataclass(frozen=True, slots=True)
class NotificationPolicy:
    """An agency's rules about notices.

    The defaults are for an agency that is no longer in agencies.yaml. Its applicants still get
    notices, in the name of the agency's code, and nothing is promised.

    Attributes:
        name: as on the agency's letterhead.
        decide_days: working days that the client charter allows for a decision; None: no promise.
        notify_days: working days that it allows for the notice of the outcome.
        configure_days: working days that it allows for configuring.
        state: whose weekend and holidays count.
        closed_days: when the agency is closed, besides the holidays of its state.
        on_preparation: a paper counts as handed over once it is prepared.
        office_email: receives reminders before a step is due; None: nobody.
        escalation_email: receives a mail when a step is overdue; None: nobody.
        remind_days_before: working days between the reminder and the due day.
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
        """When the notice of an outcome must have been delivered."""
        return charter.due_at(since, self.notify_days, self.state, self.closed_days)

    def configured_by(self, decided_at: datetime) -> datetime:
        """When a request that was approved at `decided_at` must be configured."""
        return charter.due_at(decided_at, self.configure_days, self.state, self.closed_days)

    def remind_at(self, since: datetime, due_at: datetime) -> datetime:
        """When the office is reminded of a step that it has had to do since `since`."""
        days = self.remind_days_before
        return charter.remind_at(since, due_at, days, self.state, self.closed_days)

    @property
    def reminds(self) -> bool:
        return (self.office_email or self.escalation_email) is not None

    @property
    def failure_recipient(self) -> str | None:
        """The office, or else its superior; None: nobody is informed of a failure."""
        return self.office_email or self.escalation_email

    def address_of(self, level: Level) -> str | None:
        return self.office_email if level == "reminder" else self.escalation_email


def notification_policy_of(agency: str, agencies: Agencies) -> NotificationPolicy:
    """The agency's rules, or the defaults."""
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
