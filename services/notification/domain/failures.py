"""A configuration that failed waits for a person: the office is told of each failure once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bmt.contracts.events import Event, Target
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from services.notification.domain.events import FailureDue, FailureTold


@immutable
class TellOfFailure:
    """The office must know that `target` refused at `failed_at`."""

    request: RequestFacts
    target: Target
    retryable: bool
    failed_at: datetime


@immutable
class RecordFailureTold:
    """The mail server took the mail about this failure over."""

    failure: int
    message_id: str
    recipient: str


@immutable
class Failure:
    """A failure that the office is told of.

    Attributes:
        request: whose configuration failed.
        number: counts the failures of the request from 1: a retry may lead to another one.
        target: what refused.
        retryable: whether trying again can help.
        failed_at: when, UTC.
        told: whether the mail went out.
    """

    request: RequestFacts
    number: int
    target: Target
    retryable: bool
    failed_at: datetime
    told: bool = False

    @property
    def name(self) -> str:
        """The failure among those of its request."""
        return name_of(self.number)


Failures = tuple[Failure, ...]
"""All failures of one request, the first one first."""


def name_of(number: int) -> str:
    """A failure's name."""
    return f"failure-{number}"


def due(command: TellOfFailure, failures: Failures) -> Sequence[Event]:
    """Each failure is another one."""
    return [
        FailureDue(
            request=command.request,
            failure=len(failures) + 1,
            target=command.target,
            retryable=command.retryable,
            failed_at=command.failed_at,
        )
    ]


def told(command: RecordFailureTold, failures: Failures) -> Sequence[Event]:
    """What was sent is remembered once."""
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


def evolve(failures: Failures, event: FailureDue | FailureTold) -> Failures:
    """The failures after `event`."""
    if isinstance(event, FailureTold):
        told_of = replace(failures[event.failure - 1], told=True)
        return (*failures[: event.failure - 1], told_of, *failures[event.failure :])
    failure = Failure(event.request, event.failure, event.target, event.retryable, event.failed_at)
    return (*failures, failure)
