"""What is remembered of the client charter's promises: events without a topic."""

from typing import Literal

from bmt.contracts.events import RequestEvent
from bmt.contracts.values import Moment

Step = Literal["decide", "configure"]
"""What the office is waited for to do."""

Level = Literal["reminder", "escalation"]
"""To the office before the step is due; to who is above it when it is overdue."""


class StepAwaited(RequestEvent):
    """The office has to do something until `due_at`; `wait` counts such waits for one step from 1."""

    TYPE = "my.gov.bmt.notification.StepAwaited.v1"
    step: Step
    wait: int
    remind_at: Moment
    due_at: Moment


class StepEnded(RequestEvent):
    """Nothing more is waited for."""

    TYPE = "my.gov.bmt.notification.StepEnded.v1"
    step: Step
    wait: int


class ReminderSent(RequestEvent):
    """The mail server took a reminder over; `recipient` is the address of an office."""

    TYPE = "my.gov.bmt.notification.ReminderSent.v1"
    step: Step
    wait: int
    level: Level
    message_id: str
    recipient: str
