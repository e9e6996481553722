"""What is remembered of telling offices that a configuration failed: events without a topic."""

from bmt.contracts.events import RequestEvent, Target
from bmt.contracts.values import Moment


class FailureDue(RequestEvent):
    """The office is to be told that the configuration failed; `failure` counts from 1."""

    TYPE = "my.gov.bmt.notification.FailureDue.v1"
    failure: int
    target: Target
    retryable: bool
    failed_at: Moment


class FailureTold(RequestEvent):
    """The mail server took that mail over; `recipient` is the address of an office."""

    TYPE = "my.gov.bmt.notification.FailureTold.v1"
    failure: int
    message_id: str
    recipient: str
