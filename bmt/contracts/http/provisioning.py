"""What provisioning is asked and answers over HTTP."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import Effective, Evidence, PlannedChange, Target
from bmt.contracts.values import DocumentId, Kind, Moment, Officer, Reason, Status, Value

TaskStatus = Literal["open", "completed"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Obstacle(_Answer):
    """A target that would refuse, and why."""

    target: Target
    reason: str


class Plan(_Answer):
    """Answer of `GET /v1/requests/{id}/plan`: what configuring would change, read live."""

    request_id: str
    kind: Kind
    account: str
    status: Status
    plan: tuple[PlannedChange, ...] = Field(
        description="Absolute values. Empty when all is in force, or the request is configured. "
        "`from` is null where nobody can read it: an officer's portal."
    )
    obstacles: tuple[Obstacle, ...] = Field(
        description="Targets that would refuse as things stand; `plan` is without them."
    )


class Entitlement(_Answer):
    """Answer of `GET /v1/entitlements/{account}`: what is in force, with its evidence."""

    account: str
    agency: str
    request_id: str = Field(description="The request that was configured last.")
    reference: str
    kind: Kind
    effective: Effective
    configured_by: Officer
    configured_at: Moment
    evidence: tuple[Evidence, ...]


class Task(_Answer):
    """Something an officer must set by hand, as `GET /v1/tasks` lists it."""

    task_id: str
    request_id: str
    reference: str
    agency: str
    kind: Kind
    account: str
    target: Target
    instructions: str = Field(description="What to set, in Malay, then in English.")
    status: TaskStatus = Field(description="A claimed task stays open until it is completed.")
    opened_at: Moment
    claimed_by: Officer | None = None
    claimed_at: Moment | None = None
    completed_by: Officer | None = None
    completed_at: Moment | None = None


class Claimed(_Answer):
    """Answer of `POST /v1/tasks/{id}/claim`."""

    task_id: str
    request_id: str
    claimed_by: Officer


class Completion(Value):
    """Body of `POST /v1/tasks/{id}/completion`: what shows that the instructions were followed."""

    evidence: Annotated[tuple[DocumentId, ...], Field(min_length=1, max_length=20)] = Field(
        description="Documents handed in at intake: a screenshot or a printed page of the portal."
    )
    note: Reason | None = Field(default=None, description="Kept with the completion.")


class Completed(_Answer):
    """Answer of `POST /v1/tasks/{id}/completion`."""

    task_id: str
    request_id: str
    completed_by: Officer
    completed_at: Moment
    evidence: tuple[DocumentId, ...]
    note: str | None


class RetryAccepted(_Answer):
    """Answer of `POST /v1/requests/{id}/retry`: it is tried again, or was under way anyhow."""

    request_id: str


class Unfinished(_Answer):
    """An approved request that is not configured yet: every one has a reason and an age."""

    request_id: str
    reference: str
    agency: str
    kind: Kind
    status: Status
    approved_at: Moment
    due_at: Moment = Field(description="Client charter.")
    waiting_for: str
    retryable: bool = Field(description="`POST /v1/requests/{id}/retry` would try again.")
