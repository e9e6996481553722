"""The step that an event is in a request's history, as its status tells it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import Heard
from bmt.chassis.readmodels.view_store import Body
from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Filed,
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
from bmt.contracts.values import Moment

Told = tuple[str, str, str]
"""Step, by whom, detail."""


class StepTaken(BaseModel):
    """One step; `rank` and `position` are its place among those of the same moment."""

    model_config = ConfigDict(frozen=True)

    step: str
    at: Moment
    by: str
    detail: str
    rank: int
    position: int


def place(step: Body) -> tuple[datetime, int, int]:
    """By time; at the same time in the procedure's order, then in the writer's."""
    return step["at"], step["rank"], step["position"]


def step_of(heard: Heard[Any]) -> Body | None:
    """The step that `heard` is, as `StepTaken` is stored; None for an event that is none."""
    tell = _TOLD.get(type(heard.data))
    if tell is None:
        return None
    step, by, detail = tell(heard.data)
    return {
        "step": step,
        "at": heard.time,
        "by": by,
        "detail": detail,
        "rank": _RANK[type(heard.data)],
        "position": heard.position,
    }


def _received(event: RequestReceived) -> Told:
    if event.corrected_by is not None and event.while_open:
        return "corrected", event.corrected_by.subject, event.correction_reason or ""
    named = f", {event.source_reference}" if event.source_reference else ""
    by = event.corrected_by or event.submitted_by
    return "received", by.subject, f"{event.request.channel}{named}"


def _approved(event: Approved) -> Told:
    granted = event.approved
    sizes = (
        f"quota {granted.quota_bytes} bytes, largest file {granted.max_file_size_bytes} bytes"
        if granted.quota_bytes is not None
        else ""
    )
    return "approved", event.decided_by.name, event.reason or sizes


def _configuring(event: ConfigurationStarted) -> Told:
    targets = dict.fromkeys(change.target for change in event.plan)
    return "configuring", "provisioning", ", ".join(targets)


def _configured(event: Configured) -> Told:
    storage = event.effective.storage
    closed = f"storage closed, IPMS {'on' if event.effective.ipms.bmt_enabled else 'off'}"
    detail = f"quota {storage.quota_bytes} bytes" if storage.enabled else closed
    return "configured", event.configured_by.name, detail


def _notified(event: Notified) -> Told:
    step = "acknowledged" if event.about == "acknowledgement" else "notified"
    return step, "notification", f"{event.about} by {event.channel}"


def _filed(event: Filed) -> Told:
    return "filed", "records", f"{event.file_number}, {event.folios} folios"


_TOLD: Final[dict[type[BaseModel], Callable[[Any], Told]]] = {
    RequestReceived: _received,
    ReviewOpened: lambda event: ("review_opened", "approval", f"due {event.due_at:%Y-%m-%d}"),
    WithdrawalRequested: lambda event: (
        "withdrawal_requested",
        event.requested_by.subject,
        event.reason,
    ),
    ReturnedForCorrection: lambda event: ("returned", event.decided_by.name, event.reason),
    Approved: _approved,
    Rejected: lambda event: ("rejected", event.decided_by.name, event.reason),
    Withdrawn: lambda event: ("withdrawn", event.requested_by.subject, event.reason),
    ConfigurationStarted: _configuring,
    AwaitingOperator: lambda event: ("awaiting_operator", "provisioning", event.target),
    ConfigurationFailed: lambda event: (
        "configuration_failed",
        "provisioning",
        f"{event.target}: {event.reason}",
    ),
    Configured: _configured,
    NotificationPrepared: lambda event: (
        "notification_prepared",
        "notification",
        f"{event.about} by {event.channel}",
    ),
    NotificationFailed: lambda event: (
        "notification_failed",
        "notification",
        event.reason or f"{event.about} by {event.channel}",
    ),
    Notified: _notified,
    Filed: _filed,
}

_RANK: Final = {event: rank for rank, event in enumerate(_TOLD)}
"""The procedure's order, which the table above follows."""
