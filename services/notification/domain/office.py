"""What an agency's office is reminded of or told: client charter steps and failed configurations.

Each step is awaited, reminded of once and escalated once. Each failure is reported to the office
once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bmt.contracts.events import Event, Target
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from services.notification.domain.events import (
    FailureDue,
    FailureTold,
    Level,
    ReminderSent,
    Step,
    StepAwaited,
    StepEnded,
)


@immutable
class AwaitStep:
    """The office must do a step from now on. Any earlier step is done."""

    request: RequestFacts
    step: Step
    remind_at: datetime
    due_at: datetime


@immutable
class RecordReminder:
    """The mail server accepted a reminder."""

    wait: str
    level: Level
    message_id: str
    recipient: str


@immutable
class TellOfFailure:
    """The office must know that `target` refused at `failed_at`."""

    request: RequestFacts
    target: Target
    retryable: bool
    failed_at: datetime


@immutable
class RecordFailureTold:
    """The mail server accepted the mail about this failure."""

    failure: int
    message_id: str
    recipient: str


@immutable
class Wait:
    """A step that is awaited.

    Attributes:
        number: counts the waits for this step from 1. A correction starts another one.
        ended: the step is done, or no longer needed.
        sent: which mails were sent.
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
        return wait_name(self.step, self.number)

    def wants(self, level: Level, now: datetime) -> bool:
        """Whether this mail is still to be sent. A reminder is too late once the step is overdue."""
        in_time = level == "escalation" or now < self.due_at
        return not self.ended and level not in self.sent and in_time


@immutable
class Failure:
    """A failed configuration.

    Attributes:
        number: counts the failures of the request from 1. A retry may fail again.
        retryable: whether trying again can help.
        told: whether the mail was sent.
    """

    request: RequestFacts
    number: int
    target: Target
    retryable: bool
    failed_at: datetime
    told: bool = False

    @property
    def name(self) -> str:
        return failure_name(self.number)


Waits = Mapping[str, Wait]
"""All waits of one request by name, earliest first."""

Failures = tuple[Failure, ...]
"""All failures of one request, earliest first."""


def wait_name(step: Step, number: int) -> str:
    """Names a wait within its request."""
    return f"{step}-{number}"


def failure_name(number: int) -> str:
    """Names a failure within its request."""
    return f"failure-{number}"


def awaited(command: AwaitStep, waits: Waits) -> Sequence[Event]:
    """Start a wait and end the others. A wait for the same step with the same due date continues."""
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
    """End every open wait."""
    return [
        StepEnded(request=wait.request, step=wait.step, wait=wait.number)
        for wait in waits.values()
        if not wait.ended
    ]


def reminded(command: RecordReminder, waits: Waits) -> Sequence[Event]:
    """Record a sent mail once, even if the step ended while it was being sent."""
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


def failed(command: TellOfFailure, failures: Failures) -> Sequence[Event]:
    """Every failure counts as a new one."""
    return [
        FailureDue(
            request=command.request,
            failure=len(failures) + 1,
            target=command.target,
            retryable=command.retryable,
            failed_at=command.failed_at,
        )
    ]


def failure_told(command: RecordFailureTold, failures: Failures) -> Sequence[Event]:
    """Record the sent mail once."""
    failure = failures[command.failure - 1]
    if failure.told:
        return []
    return [
        FailureTold(
            request=failure.request,
            failure=command.failure,
            message_id=command.message_id,
            recipient=command.recipient,
        )
    ]


def waits_after(waits: Waits, event: StepAwaited | StepEnded | ReminderSent) -> Waits:
    """The waits after `event`."""
    name = wait_name(event.step, event.wait)
    match event:
        case StepAwaited():
            wait = Wait(event.request, event.step, event.wait, event.remind_at, event.due_at)
        case StepEnded():
            wait = replace(waits[name], ended=True)
        case ReminderSent(level=level):
            wait = replace(waits[name], sent=waits[name].sent | {level})
    return {**waits, name: wait}


def failures_after(failures: Failures, event: FailureDue | FailureTold) -> Failures:
    """The failures after `event`."""
    if isinstance(event, FailureTold):
        told = replace(failures[event.failure - 1], told=True)
        return (*failures[: event.failure - 1], told, *failures[event.failure :])
    failure = Failure(event.request, event.failure, event.target, event.retryable, event.failed_at)
    return (*failures, failure)
