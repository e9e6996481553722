"""Provisioning's private events, for its own views and worker."""

from typing import Final

from pydantic import Field

from bmt.contracts.events import Granted, RequestEvent
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


PRIVATE: Final = (ConfigurationDue, TaskClaimed, TaskTakenOver, TaskCompleted, RetryRequested)
