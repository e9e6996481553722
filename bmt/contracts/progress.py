"""A request's progress, from its events in whatever order the topics deliver them."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Filed,
    Notified,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    Withdrawn,
)
from bmt.contracts.values import Status

_DECISIONS: Final[dict[type[BaseModel], Status]] = {
    Approved: "approved",
    Rejected: "rejected",
    Withdrawn: "withdrawn",
}
_CONFIGURATIONS: Final[dict[type[BaseModel], Status]] = {
    ConfigurationStarted: "configuring",
    AwaitingOperator: "awaiting_operator",
    Configured: "configured",
    ConfigurationFailed: "configuration_failed",
}
OUTCOMES: Final = frozenset({"rejected", "withdrawn", "configured", "terminated"})
"""What a request's last notice can be about; one of them ends the procedure."""


class Progress(BaseModel):
    """What is known so far; each event may come late, and twice through different folds only once.

    `received` counts the first time, and the corrections that were asked for.
    """

    model_config = ConfigDict(frozen=True)

    received: int = 0
    returned: int = 0
    decision: Status | None = None
    configuration: Status | None = None
    configuration_sequence: int = 0
    outcome_notified: bool = False
    filed: bool = False

    def after(self, event: BaseModel, sequence: int) -> "Progress":
        """With `event` known too; `sequence` orders the events of one service among themselves."""
        learned = self._learned(event, sequence)
        return self.model_copy(update=learned) if learned else self

    def _learned(self, event: BaseModel, sequence: int) -> dict[str, Any]:
        learned: dict[str, Any] = {}
        kind = type(event)
        if kind in _DECISIONS:
            learned = {"decision": _DECISIONS[kind]}
        elif kind in _CONFIGURATIONS and sequence > self.configuration_sequence:
            status = _CONFIGURATIONS[kind]
            learned = {"configuration": status, "configuration_sequence": sequence}
        elif isinstance(event, RequestReceived) and not event.while_open:
            learned = {"received": self.received + 1}
        elif isinstance(event, ReturnedForCorrection):
            learned = {"returned": self.returned + 1}
        elif isinstance(event, Notified) and event.about in OUTCOMES:
            learned = {"outcome_notified": True}
        elif isinstance(event, Filed):
            learned = {"filed": True}
        return learned

    @property
    def status(self) -> Status:
        """The status of the request: the furthest step that is known."""
        if self.filed:
            return "filed"
        if self.outcome_notified:
            return "notified"
        further = self.configuration or self.decision
        if further is not None:
            return further
        return "returned" if self.returned and self.returned >= self.received else "received"
