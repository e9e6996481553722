"""What the client charter promises: each step is waited for, reminded of once, and escalated once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bmt.contracts.events import Event
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from services.notification.domain.events import Level, ReminderSent, Step, StepAwaited, StepEnded


@immutable
class AwaitStep:
    """The office has to do something from now on; what it was waited for before is done."""

    request: RequestFacts
    step: Step
    remind_at: datetime
    due_at: datetime


@immutable
class RecordReminder:
    """The mail server took a reminder over."""

    wait: str
    level: Level
    message_id: str
    recipient: str


@immutable
class Wait:
    """A step that is waited for.

    Attributes:
        request: whose.
        step: what the office has to do.
        number: counts the waits of the step from 1: a correction opens another one.
        remind_at: when the office is reminded.
        due_at: when the step must be done (client charter).
        ended: whether it is done, or no longer wanted.
        sent: which mails went out.
    """

    request: RequestFacts
    step: Step
    number: int
    remind_at: datetime
    due_at: datetime
    ended: bool = False
    sent: frozenset[Level] = frozenset()

    @property
    def name(self) -> str:
        """The wait among those of its request."""
        return name_of(self.step, self.number)

    def wants(self, level: Level, now: datetime) -> bool:
        """Whether this mail is to be sent: a reminder comes too late once the step is overdue."""
        in_time = level == "escalation" or now < self.due_at
        return not self.ended and level not in self.sent and in_time


Waits = Mapping[str, Wait]
"""All waits of one request by name, the first one first."""


def name_of(step: Step, number: int) -> str:
    """A wait's name."""
    return f"{step}-{number}"


def awaited(command: AwaitStep, waits: Waits) -> Sequence[Event]:
    """One step is waited for at a time; one that is still due at the same time, after a correction, goes on."""
    if any(_is_the_same(wait, command) for wait in waits.values()):
        return []
    return [
        *ended(waits),
        StepAwaited(
            request=command.request,
            step=command.step,
            wait=1 + sum(wait.step == command.step for wait in waits.values()),
            remind_at=command.remind_at,
            due_at=command.due_at,
        ),
    ]


def _is_the_same(wait: Wait, command: AwaitStep) -> bool:
    return not wait.ended and (wait.step, wait.due_at) == (command.step, command.due_at)


def ended(waits: Waits) -> Sequence[Event]:
    """What is waited for is done, or no longer wanted."""
    return [
        StepEnded(request=wait.request, step=wait.step, wait=wait.number)
        for wait in waits.values()
        if not wait.ended
    ]


def reminded(command: RecordReminder, waits: Waits) -> Sequence[Event]:
    """What was sent is remembered once, though the step may have ended at that very moment."""
    wait = waits[command.wait]
    if command.level in wait.sent:
        return []
    return [
        ReminderSent(
            request=wait.request,
            step=wait.step,
            wait=wait.number,
            level=command.level,
            message_id=command.message_id,
            recipient=command.recipient,
        )
    ]


def evolve(waits: Waits, event: StepAwaited | StepEnded | ReminderSent) -> Waits:
    """The waits after `event`."""
    name = name_of(event.step, event.wait)
    match event:
        case StepAwaited():
            wait = Wait(event.request, event.step, event.wait, event.remind_at, event.due_at)
        case StepEnded():
            wait = replace(waits[name], ended=True)
        case ReminderSent(level=level):
            wait = replace(waits[name], sent=waits[name].sent | {level})
    return {**waits, name: wait}
