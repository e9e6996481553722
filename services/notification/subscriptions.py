"""The events that notification consumes, with their handlers.

An approval alone sends nothing to the applicant; `Configured` does. Where the configuration fails, an administrator may.
"""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    ConfigurationFailed,
    Configured,
    ConfirmationsAwaited,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from services.notification import handlers

TOPICS: Final = (topics.REQUESTS, topics.DECISIONS, topics.CONFIGURATIONS)

TABLE: Final[Table] = {
    RequestReceived: handlers.acknowledge,
    ReviewOpened: handlers.await_decision,
    Approved: handlers.await_configuration,
    Rejected: handlers.notify_of_decision,
    ReturnedForCorrection: handlers.notify_of_decision,
    Withdrawn: handlers.notify_of_decision,
    Configured: handlers.notify_of_configuration,
    ConfirmationsAwaited: handlers.await_confirmations,
    ConfigurationFailed: handlers.report_failure_to_office,
}
