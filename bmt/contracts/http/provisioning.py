"""The requests and answers of provisioning over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
)

from bmt.contracts.events import (
    ConfirmationCause,
    Effective,
    Evidence,
    Granted,
    PlannedChange,
    Retried,
    Target,
)
from bmt.contracts.faults import GENERAL, OF_CALLS, OF_TARGETS, FaultValue
from bmt.contracts.problems import code_sentences, is_empty
from bmt.contracts.values import DocumentId, Kind, Moment, Name, Officer, Reason, Status, Value

TaskStatus = Literal["open", "completed"]
TaskFilter = Literal["open", "claimed", "done", "completed"]
"""`open`: to be done, claimed or not; `claimed`: those of them that somebody has; `done`: completed."""


_CODE = (
    "Why it failed last, under a name that keeps its meaning; null: nothing more exact is known. "
    + code_sentences({**OF_TARGETS, **{one: OF_CALLS[one] for one in ("overtaken",)}})
)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Obstacle(_Answer):
    """A target that would refuse, and why."""

    target: Target
    reason: str
    code: str = Field(
        default=GENERAL,
        description="Why, under a name that keeps its meaning; later versions may have more. "
        + code_sentences(OF_TARGETS),
        examples=["not_registered_there"],
    )
    values: Mapping[str, FaultValue] = Field(
        default_factory=dict,
        exclude_if=is_empty,
        description="What stands in the places of the code's sentence.",
    )


class ByHand(_Answer):
    """What an officer would be asked to set, or is asked to."""

    target: Target
    instructions: str = Field(description="What to set, in Malay, then in English.")
    settings: tuple[PlannedChange, ...] = Field(
        description="The same one by one; `from` is null: nobody can read it."
    )


class Plan(_Answer):
    """Answer of `GET /v1/requests/{id}/plan`: what configuring would change, read live."""

    request_id: str
    kind: Kind
    account: str
    status: Status | Literal["if_approved"] = Field(
        description="`if_approved`: nobody has decided yet. `returned`, `rejected`, `withdrawn`: "
        "nothing would change, and nothing was read."
    )
    plan: tuple[PlannedChange, ...] = Field(
        description="Absolute values. Empty when all is in force, the request is configured or will "
        "not be, or, before a decision, when there is an obstacle. "
        "`from` is null where nobody can read it: an officer's portal."
    )
    obstacles: tuple[Obstacle, ...] = Field(
        description="Targets that would refuse as things stand; `plan` is without them."
    )
    leads_to: Status | None = Field(
        default=None,
        description="Before a decision: where approving would lead as things stand. `configured`; "
        "`awaiting_operator`: a person sets what `by_hand` says; `configuration_failed`: a target "
        "would refuse (`obstacles`), nothing would be changed, and once that is mended it can be retried.",
    )
    granted: Granted | None = Field(
        default=None, description="The sizes that this is the plan for; a termination has none."
    )
    by_hand: tuple[ByHand, ...] = Field(
        default=(), description="What a person sets, where no system can; `plan` has it too."
    )
    waits_for_earlier: bool = Field(
        default=False,
        description="Before a decision: a request for the same account was approved and is not "
        "finished. It comes first, and what stands then may differ.",
    )
    read_at: Moment | None = Field(default=None, description="When the targets were looked at.")


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
    applicant_name: str | None = None
    settings: tuple[PlannedChange, ...] = Field(
        default=(), description="What to set, one by one; `from` is null: nobody can read it."
    )
    due_at: Moment | None = Field(default=None, description="Client charter.")
    claimed_by: Officer | None = Field(default=None, description="Who has it now.")
    claimed_at: Moment | None = None
    taken_over_from: Officer | None = Field(
        default=None, description="Who had it before, where `claimed_by` took it over."
    )
    completed_by: Officer | None = None
    completed_at: Moment | None = None
    evidence: tuple[DocumentId, ...] = ()
    note: str | None = Field(default=None, description="Kept with the completion.")


class TaskInFull(Task):
    """Answer of `GET /v1/tasks/{id}`."""

    request_status: Status = Field(description="Where the request's configuration stands.")
    effective: Effective | None = Field(
        default=None,
        description="What is in force, as `proof` shows; null until it is configured.",
    )
    proof: tuple[Evidence, ...] = Field(default=(), description="How that was proven.")


class Claimed(_Answer):
    """Answer of `POST /v1/tasks/{id}/claim`."""

    task_id: str
    request_id: str
    claimed_by: Officer


class TakeOver(Value):
    """Body of `POST /v1/tasks/{id}/takeover`."""

    claimed_by: Name = Field(description="The subject of who has the task, as you know it.")
    reason: Reason = Field(description="Why they do not do it; kept with the task.")


class TakenOver(Claimed):
    """Answer of `POST /v1/tasks/{id}/takeover`."""

    taken_over_from: Officer | None = Field(
        description="Who had it; null: you had it before you asked."
    )


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


class BulkReport(Value):
    """Body of `POST /v1/tasks/bulk-report`."""

    document_id: DocumentId = Field(
        description="The portal's report, handed in at intake: CSV of at most 1 MiB and 1,000 lines."
    )
    note: Reason | None = Field(default=None, description="Kept with each completion.")


ReportOutcome = Literal[
    "completed",
    "completed_before",
    "failed",
    "differs",
    "unclear",
    "repeated",
    "unknown",
    "refused",
]


class ReportLine(_Answer):
    """What became of one line of a report."""

    line: int = Field(description="In the report, the heading is 1.")
    task_id: str | None
    account: str | None = Field(description="Of the task; null: no task of your agency.")
    outcome: ReportOutcome = Field(
        description="`completed`; `completed_before`: by another report or by hand. The others stay open: `failed`: the portal says so; "
        "`differs`: it shows other values (`differs`) than were approved; `unclear`: its result is no known word; "
        "`repeated`: several lines name the task; `unknown`: no task of your agency; `refused`: see `problem`."
    )
    message: str | None = Field(default=None, description="The portal's own words.")
    differs: tuple[str, ...] = Field(default=(), description="The columns with another value.")
    problem: Mapping[str, JsonValue] | None = Field(
        default=None, description="RFC 9457 problem details."
    )


class ReportResults(_Answer):
    """Answer of `POST /v1/tasks/bulk-report`, in the order of the lines."""

    results: tuple[ReportLine, ...]


class RetryOrder(Value):
    """Body of `POST /v1/requests/{id}/retry`; it may be left out."""

    reason: Reason | None = Field(
        default=None, description="What was mended, or why to try again; kept with the record."
    )
    by_hand: bool = Field(
        default=False,
        description="An officer sets IPMS in its portal, as a task, in the place of its interface. "
        "Only where IPMS failed.",
    )


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


class ConfigurationState(Unfinished):
    """Answer of `GET /v1/requests/{id}/configuration`: how far the configuration of one request is.

    `waiting_for` is empty once it is configured.
    """

    target: Target | None = Field(default=None, description="What refused last.")
    failed_at: Moment | None = Field(default=None, description="When it failed last.")
    failures: int = Field(default=0, description="How often it failed.")
    code: str | None = Field(default=None, description=_CODE)
    last_retry: Retried | None = Field(default=None, description="Who tried again last.")
    task_id: str | None = Field(default=None, description="The task that an officer has to do now.")
    away: Target | None = Field(
        default=None,
        exclude_if=is_empty,
        description="What does not answer, where the work waits for it: it then goes on by itself.",
    )
    away_since: Moment | None = Field(
        default=None, exclude_if=is_empty, description="Since when, where that is known here."
    )
    away_until: Moment | None = Field(
        default=None, exclude_if=is_empty, description="The end of the target's daily maintenance."
    )


class Failure(_Answer):
    """A configuration that failed and waits for a person, as `GET /v1/failures` lists it."""

    request_id: str
    reference: str
    agency: str
    kind: Kind
    applicant_name: str | None = None
    target: Target | None = Field(description="What refused; null: it failed before this was kept.")
    reason: str
    code: str | None = Field(default=None, description=_CODE)
    retryable: bool = Field(
        description="`POST /v1/requests/{id}/retry` tries again; else a new request is needed."
    )
    failed_at: Moment | None = Field(description="The last time; null: before this was kept.")
    failures: int = Field(description="How often it failed.")
    last_retry: Retried | None = Field(description="Who tried again last; null: nobody.")
    approved_at: Moment
    due_at: Moment = Field(description="Client charter.")


DriftStatus = Literal["open", "being_corrected", "accepted", "corrected", "cleared"]
"""`open`: a person decides; `accepted`: left as it is; `corrected`: configured again; `cleared`: it went away by itself."""


class Drift(_Answer):
    """A target shows something else than was configured, as `GET /v1/drift` lists it."""

    request_id: str = Field(description="The request that was configured last for the account.")
    reference: str
    agency: str
    kind: Kind
    account: str
    applicant_name: str
    status: DriftStatus
    targets: tuple[Target, ...]
    differences: tuple[PlannedChange, ...] = Field(
        description="`from` is in force, `to` was configured."
    )
    detected_at: Moment
    ruled_by: Officer | None = Field(
        default=None, description="Who accepted it, or had it corrected; `service`: by the rules."
    )
    ruled_at: Moment | None = None
    reason: str | None = None
    failure: str | None = Field(default=None, description="Why the last correction failed.")
    code: str | None = Field(default=None, description=_CODE)
    ended_at: Moment | None = None
    evidence: tuple[Evidence, ...] = Field(default=(), description="Of the correction.")


class DriftRuling(Value):
    """Body of `POST /v1/requests/{id}/drift`."""

    decision: Literal["correct", "accept"] = Field(
        description="`correct`: configure again what was configured; `accept`: leave it as it is."
    )
    reason: Reason = Field(description="Kept with the record.")


class DriftRuled(_Answer):
    """Answer of `POST /v1/requests/{id}/drift`."""

    request_id: str
    decision: Literal["correct", "accept"]


class HeldBack(_Answer):
    """So many accounts differ that they were not recorded: the target may be answering wrongly."""

    target: Target
    agency: str | None = Field(description="null: over all agencies.")
    differing: int
    compared: int


class ReleaseDrift(Value):
    """Body of `POST /v1/drift/runs/{run_id}/release`."""

    reason: Reason = Field(description="How it is known that the target is right; it is kept.")


class DriftReleased(_Answer):
    """An operator lets the next comparison record what this one held back."""

    by: str
    at: Moment
    reason: str


class DriftRun(_Answer):
    """One comparison of all accounts, as `GET /v1/drift/runs` lists it."""

    run_id: str
    began_at: Moment
    ended_at: Moment
    compared: Mapping[Target, int] = Field(description="Accounts that the target showed.")
    unanswered: Mapping[Target, int] = Field(description="It did not; nothing follows from that.")
    detected: int
    cleared: int
    held_back: tuple[HeldBack, ...]
    released: DriftReleased | None = None


MOST_ANSWERED: Final = 200

ConfirmationStatus = Literal["open", "confirmed", "termination_proposed", "superseded"]
"""`open`: an administrator answers; `superseded`: a later request for the account came first."""


class Confirmation(_Answer):
    """A grant that its agency is asked to confirm, as `GET /v1/confirmations` lists it."""

    request_id: str = Field(description="The request that was granted.")
    reference: str
    agency: str
    account: str
    applicant_name: str
    status: ConfirmationStatus
    campaign: str = Field(description="The month in which it was asked, such as 2027-01.")
    cause: ConfirmationCause = Field(
        description="`rule`: the agency's rule says how often; else what the directory shows."
    )
    directory_read_at: Moment | None = Field(
        default=None, description="When the directory gave the cause."
    )
    in_force_since: Moment = Field(description="Configured, or answered about the last time.")
    asked_at: Moment
    answer_by: Moment
    answered_by: Officer | None = Field(default=None, description="`service`: by the rule.")
    answered_at: Moment | None = None
    reason: str | None = None
    termination_id: str | None = Field(
        default=None, description="The request for termination that was proposed."
    )


class AnswerConfirmations(Value):
    """Body of `POST /v1/confirmations`: one answer about several grants."""

    request_ids: Annotated[
        tuple[Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)], ...],
        Field(min_length=1, max_length=MOST_ANSWERED),
    ]
    decision: Literal["confirm", "terminate"] = Field(
        description="`confirm`: still needed; `terminate`: request the termination."
    )
    reason: Reason = Field(description="Kept with the record.")

    @field_validator("request_ids")
    @classmethod
    def _each_once(cls, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(request_ids))


class ConfirmationResult(_Answer):
    """What became of one answer: 201, or a problem with its status."""

    request_id: str
    status: int
    termination_id: str | None = None
    problem: dict[str, JsonValue] | None = None


class ConfirmationResults(_Answer):
    """Answer of `POST /v1/confirmations`, in the order of the call."""

    results: tuple[ConfirmationResult, ...]
