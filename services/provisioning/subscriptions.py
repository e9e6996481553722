"""What provisioning hears, and what it does about it; other decisions lead to nothing here."""

from typing import Final

from bmt.chassis.subscriptions import Table
from bmt.contracts.events import Approved
from services.provisioning import handlers

TABLE: Final[Table] = {
    Approved: handlers.request_configuration,
}
