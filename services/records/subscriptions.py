"""Records consumes every event that the other four services publish about requests."""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts import topics
from services.records.handlers import file_event

TABLE: Final[Table] = {
    event: file_event for topic in topics.PUBLIC for event in topics.EVENTS[topic]
}
