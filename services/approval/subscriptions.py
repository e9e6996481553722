"""Which events approval receives, and their handlers."""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from services.approval import handlers

TABLE: Final[Table] = {
    RequestReceived: handlers.open_review,
    WithdrawalRequested: handlers.withdraw,
}
