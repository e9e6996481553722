"""What provisioning remembers beside what it says: events without a topic, for its own views and worker."""

from typing import Final

from pydantic import Field

from bmt.contracts.events import Granted, RequestEvent
from bmt.contracts.values import DocumentId, Kind, Moment, Officer


def _is_empty(value: object) -> bool:
    return not value


class ConfigurationDue(RequestEvent):
    """An approved request waits to be configured, under the agency's rules as they were then.

    Attributes:
        approved: what was granted, in bytes.
        decided_by: who approved.
        decided_at: when; of two requests for one account, the one decided first is configured first.
        due_at: when the configuration is to be done (client charter).
        ipms_connector: how IPMS is driven: `scim`, or `worklist` (by an officer).
        storage_connector: how the transfer storage is driven.
        approver_may_configure: whether the approver may complete the task in IPMS too.
        approved_before_by: the accounts of those who approved before the last, where several must.
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

    @property
    def kind(self) -> Kind:
        return self.request.kind

    @property
    def account(self) -> str:
        return self.request.applicant.account


class TaskClaimed(RequestEvent):
    """An officer took a task on."""

    TYPE = "my.gov.bmt.provisioning.TaskClaimed.v1"
    task_id: str
    claimed_by: Officer
    claimed_at: Moment


class TaskTakenOver(RequestEvent):
    """An officer took a task over from the one who had claimed it, and says why."""

    TYPE = "my.gov.bmt.provisioning.TaskTakenOver.v1"
    task_id: str
    taken_over_from: Officer
    taken_over_by: Officer
    taken_over_at: Moment
    reason: str


class TaskCompleted(RequestEvent):
    """An officer states that the instructions were followed, with documents that show it."""

    TYPE = "my.gov.bmt.provisioning.TaskCompleted.v1"
    task_id: str
    completed_by: Officer
    completed_at: Moment
    evidence: tuple[DocumentId, ...]
    note: str | None = None


class RetryRequested(RequestEvent):
    """After a failure: try once more, and why. `ipms_connector` as in `ConfigurationDue`."""

    TYPE = "my.gov.bmt.provisioning.RetryRequested.v1"
    requested_by: Officer
    requested_at: Moment
    ipms_connector: str
    reason: str | None = Field(default=None, exclude_if=_is_empty)


PRIVATE: Final = (ConfigurationDue, TaskClaimed, TaskTakenOver, TaskCompleted, RetryRequested)
