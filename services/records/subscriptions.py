"""What records hears: everything that the procedure says about itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Message
from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    WithdrawalRequested,
    Withdrawn,
)
from services.records.handlers import file_event

TABLE: Final[Mapping[type[BaseModel], Callable[..., Awaitable[Message[Any] | None]]]] = {
    RequestReceived: file_event,
    WithdrawalRequested: file_event,
    ReviewOpened: file_event,
    Approved: file_event,
    Rejected: file_event,
    ReturnedForCorrection: file_event,
    Withdrawn: file_event,
    ConfigurationStarted: file_event,
    AwaitingOperator: file_event,
    Configured: file_event,
    ConfigurationFailed: file_event,
    NotificationPrepared: file_event,
    Notified: file_event,
    NotificationFailed: file_event,
}
