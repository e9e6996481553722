"""What intake hears and decides on; what it only tells of goes into its views."""

from typing import Final

from bmt.chassis.subscriptions import Table
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted
from services.intake import handlers

TABLE: Final[Table] = {RequestSubmitted: handlers.receive_submission}

TOLD: Final = (topics.DECISIONS, topics.CONFIGURATIONS, topics.NOTIFICATIONS, topics.RECORDS)
"""The topics whose events the status tells of; its own it knows before they are said."""
