"""Provisioning's private events, for its own views and worker."""

from typing import Final

from pydantic import Field

from bmt.contracts.events import Effective, Evidence, Granted, PlannedChange, RequestEvent, Target
from bmt.contracts.values import DocumentId, Kind, Moment, Officer


def _is_empty(value: object) -> bool:
    return not value


class ConfigurationDue(RequestEvent):
    """An approved request waits to be configured, under the agency's rules at that time.

    Attributes:
        approved: the granted sizes, in bytes.
        decided_at: of two requests for one account, the earlier decision is configured first.
        due_at: the client charter's date of the configuration.
        ipms_connector: `scim`, or `worklist` (by an officer).
        approver_may_configure: whether the approver may complete the task in IPMS, too.
        approved_before_by: the accounts of earlier approvers, if several must approve.
        reason: the approver's, if one was given.
    """

    TYPE = "my.gov.bmt.provisioning.ConfigurationDue.v1"
    approved: Granted
    decided_by: Officer
    decided_at: Moment
    due_at: Moment
    ipms_connector: str
    storage_connector: str
    approver_may_configure: bool
    approved_before_by: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    reason: str | None = Field(default=None, exclude_if=_is_empty)

    @property
    def kind(self) -> Kind:
        return self.request.kind

    @property
    def account(self) -> str:
        return self.request.applicant.account


class TaskClaimed(RequestEvent):
    """An officer claimed a task."""

    TYPE = "my.gov.bmt.provisioning.TaskClaimed.v1"
    task_id: str
    claimed_by: Officer
    claimed_at: Moment


class TaskTakenOver(RequestEvent):
    """An officer took a task over from the one who had claimed it."""

    TYPE = "my.gov.bmt.provisioning.TaskTakenOver.v1"
    task_id: str
    taken_over_from: Officer
    taken_over_by: Officer
    taken_over_at: Moment
    reason: str


class TaskCompleted(RequestEvent):
    """An officer states that the instructions were followed, with documents as evidence."""

    TYPE = "my.gov.bmt.provisioning.TaskCompleted.v1"
    task_id: str
    completed_by: Officer
    completed_at: Moment
    evidence: tuple[DocumentId, ...]
    note: str | None = None


class RetryRequested(RequestEvent):
    """A person asked to try again after a failure; `ipms_connector` is as in `ConfigurationDue`."""

    TYPE = "my.gov.bmt.provisioning.RetryRequested.v1"
    requested_by: Officer
    requested_at: Moment
    ipms_connector: str
    reason: str | None = Field(default=None, exclude_if=_is_empty)


class DriftDetected(RequestEvent):
    """Targets show something else than what was configured.

    Attributes:
        differences: all that are known; `from` is in force, `to` was configured.
    """

    TYPE = "my.gov.bmt.provisioning.DriftDetected.v1"
    differences: tuple[PlannedChange, ...]
    detected_at: Moment


class DriftCleared(RequestEvent):
    """Targets show again what was configured, or a later request for the account was configured."""

    TYPE = "my.gov.bmt.provisioning.DriftCleared.v1"
    cleared_at: Moment


class DriftAccepted(RequestEvent):
    """An officer leaves the differences as they are."""

    TYPE = "my.gov.bmt.provisioning.DriftAccepted.v1"
    accepted_by: Officer
    accepted_at: Moment
    reason: str


class CorrectionRequested(RequestEvent):
    """What was configured is to be configured again; `due_at` and `ipms_connector` as in `ConfigurationDue`."""

    TYPE = "my.gov.bmt.provisioning.CorrectionRequested.v1"
    requested_by: Officer
    requested_at: Moment
    reason: str
    ipms_connector: str
    due_at: Moment


class CorrectionStarted(RequestEvent):
    """Targets are about to be changed back."""

    TYPE = "my.gov.bmt.provisioning.CorrectionStarted.v1"
    plan: tuple[PlannedChange, ...]


class Corrected(RequestEvent):
    """In force again as configured, and read back."""

    TYPE = "my.gov.bmt.provisioning.Corrected.v1"
    corrected_at: Moment
    effective: Effective
    evidence: tuple[Evidence, ...]


class CorrectionFailed(RequestEvent):
    """A target refuses; the drift stays, and a person decides."""

    TYPE = "my.gov.bmt.provisioning.CorrectionFailed.v1"
    target: Target
    reason: str
    code: str | None = None


class ConfirmationSuperseded(RequestEvent):
    """A later request for the account was configured before anybody answered."""

    TYPE = "my.gov.bmt.provisioning.ConfirmationSuperseded.v1"
    superseded_at: Moment


PRIVATE: Final = (
    *(ConfigurationDue, TaskClaimed, TaskTakenOver, TaskCompleted, RetryRequested),
    *(DriftDetected, DriftCleared, DriftAccepted),
    *(CorrectionRequested, CorrectionStarted, Corrected, CorrectionFailed),
    ConfirmationSuperseded,
)
