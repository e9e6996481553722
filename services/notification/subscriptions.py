"""What notification hears, and what it does about it.

Approval alone is no news for the applicant: what follows is (`Configured`).
"""

from typing import Final

from bmt.chassis.subscriptions import Table
from bmt.contracts import topics
from bmt.contracts.events import (
    Configured,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    Withdrawn,
)
from services.notification import handlers

TOPICS: Final = (topics.REQUESTS, topics.DECISIONS, topics.CONFIGURATIONS)

TABLE: Final[Table] = {
    RequestReceived: handlers.acknowledge,
    Rejected: handlers.tell_of_rejection,
    ReturnedForCorrection: handlers.tell_of_return,
    Withdrawn: handlers.tell_of_withdrawal,
    Configured: handlers.tell_of_configuration,
}
