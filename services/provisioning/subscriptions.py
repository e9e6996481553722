"""The events that provisioning consumes to act on; of reviews it only keeps a view."""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts.events import Approved
from services.provisioning import handlers

TABLE: Final[Table] = {
    Approved: handlers.request_configuration,
}
