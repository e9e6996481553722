"""Read models and the work queue; all can be rebuilt from events.

`configurations`: every approved request, its status, and what it waits for.
`entitlements`: what is in force for each account, with its evidence.
`tasks`: what officers must set by hand.
`drift`: where targets showed something else than was configured, and what became of it.
`confirmations`: grants that their agency was asked to confirm, and its answer.
`reviews`: requests under review, by approval's events. An approval does not change them: its consequences are
in the request's own stream.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.work import WorkChange, WorkItem
from bmt.contracts.events import (
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    ConfirmationDue,
    GrantConfirmed,
    Granted,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    TerminationProposed,
    Withdrawn,
)
from bmt.contracts.http.provisioning import (
    ConfigurationState,
    Confirmation,
    Drift,
    Entitlement,
    Task,
)
from bmt.contracts.values import Kind, Officer
from services.provisioning.domain.events import (
    ConfigurationDue,
    ConfirmationSuperseded,
    Corrected,
    CorrectionFailed,
    CorrectionRequested,
    CorrectionStarted,
    DriftAccepted,
    DriftCleared,
    DriftDetected,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
from services.provisioning.domain.order import WORKLIST


class Configuration(ConfigurationState):
    """The configuration of one request; `account` is in lower case, as IPMS ignores case.

    `applicant_name`: None in those that nobody has rebuilt since it is kept.
    """

    account: str
    applicant_name: str | None = None


Configurations = ViewProjection[Configuration]


def fold_configuration(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The configuration after `incoming`."""
    if isinstance(incoming.data, ConfigurationDue):
        return _due(incoming.data)
    return {**document, **_moved(document, incoming)} if document else None


def _moved(document: Body, incoming: IncomingEvent[BaseModel]) -> Body:
    changes: Body = {}
    match incoming.data:
        case ConfigurationStarted() | TaskCompleted() | CorrectionStarted():
            changes = {"status": "configuring", "waiting_for": "its targets", "task_id": None}
        case AwaitingOperator(task_id=task_id):
            changes = {
                "status": "awaiting_operator",
                "waiting_for": f"an officer: task {task_id}",
                "task_id": task_id,
            }
        case ConfigurationFailed() as failed:
            changes = _failed(failed, incoming.time, document["failures"])
        case RetryRequested() as retry:
            changes = _retried(retry)
        case CorrectionRequested(due_at=due_at):
            changes = {"status": "approved", "waiting_for": "its turn", "due_at": due_at}
        case Configured() | Corrected() | CorrectionFailed():
            changes = {"status": "configured", "waiting_for": ""}
    return changes


def _failed(failed: ConfigurationFailed, at: datetime, before: int) -> Body:
    return {
        "status": "configuration_failed",
        "waiting_for": failed.reason,
        "code": failed.code,
        "retryable": failed.retryable,
        "target": failed.target,
        "failed_at": at,
        "failures": before + 1,
    }


def _retried(retry: RetryRequested) -> Body:
    by = retry.requested_by.model_dump()
    return {
        "status": "approved",
        "waiting_for": "its turn",
        "retryable": False,
        "last_retry": {"by": by, "at": retry.requested_at, "reason": retry.reason},
    }


def _due(order: ConfigurationDue) -> Body:
    request = order.request
    return {
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account.casefold(),
        "applicant_name": request.applicant.name,
        "status": "approved",
        "approved_at": order.decided_at,
        "due_at": order.due_at,
        "waiting_for": "its turn",
        "retryable": False,
        "target": None,
        "failed_at": None,
        "failures": 0,
        "code": None,
        "last_retry": None,
        "task_id": None,
    }


CONFIGURATIONS: Final = View(
    name="configurations",
    model=Configuration,
    fold=fold_configuration,
    indexes=[
        ("account", "approved_at", "_id"),
        ("agency", "status", "due_at", "_id"),
        ("agency", "status", "applicant_name", "_id"),
        ("status", "due_at", "_id"),
    ],
)


Entitlements = ViewProjection[Entitlement]


def fold_entitlement(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The last configuration of the account; a rebuild delivers its requests in any order."""
    configured = incoming.data
    if not isinstance(configured, Configured):
        return document
    if document is not None and document["configured_at"] > configured.configured_at:
        return document
    request = configured.request
    return {
        "account": request.applicant.account,
        "agency": request.agency,
        "request_id": request.request_id,
        "reference": request.reference,
        "kind": request.kind,
        "effective": configured.effective.model_dump(),
        "configured_by": configured.configured_by.model_dump(),
        "configured_at": configured.configured_at,
        "evidence": as_stored(configured.evidence),
    }


def _account_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    event = incoming.data
    return event.request.applicant.account.casefold() if isinstance(event, Configured) else None


ENTITLEMENTS: Final = View(
    name="entitlements",
    model=Entitlement,
    fold=fold_entitlement,
    key=_account_key,
    # A request is configured once; nothing earlier in its stream belongs here.
    begins=lambda _: True,
    indexes=[("agency", "kind", "_id")],
)


ReviewStatus = Literal["open", "returned", "rejected", "withdrawn"]

_REVIEW_STATUS: Final[Mapping[type[BaseModel], ReviewStatus]] = {
    ReviewOpened: "open",
    ReturnedForCorrection: "returned",
    Rejected: "rejected",
    Withdrawn: "withdrawn",
}


class Review(BaseModel):
    """A request under review, as far as a plan needs it.

    Attributes:
        asked: the requested sizes.
        status: `open` also after an approval.
    """

    model_config = ConfigDict(frozen=True)

    agency: str
    kind: Kind
    account: str
    asked: Granted
    status: ReviewStatus


Reviews = ViewProjection[Review]


def fold_review(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The request after `incoming`; each event carries all of its facts."""
    event = incoming.data
    status = _REVIEW_STATUS.get(type(event))
    if status is None or not isinstance(event, RequestEvent):
        return document
    request = event.request
    return {
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account,
        "asked": {
            "quota_bytes": request.quota_bytes,
            "max_file_size_bytes": request.max_file_size_bytes,
        },
        "status": status,
    }


def _review_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    return (incoming.subject or None) if type(incoming.data) in _REVIEW_STATUS else None


REVIEWS: Final = View(name="reviews", model=Review, fold=fold_review, key=_review_key)


Tasks = ViewProjection[Task]

_OF_A_TASK: Final = (AwaitingOperator, TaskClaimed, TaskTakenOver, TaskCompleted)


def fold_task(task: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The task after `incoming`."""
    match incoming.data:
        case AwaitingOperator() as opened:
            return _task(opened, incoming.time)
        case TaskClaimed() as claim if task:
            return {**task, **_named(claim, "claimed_by", "claimed_at")}
        case TaskTakenOver() as over if task:
            claimed = {
                "claimed_by": over.taken_over_by.model_dump(),
                "claimed_at": over.taken_over_at,
            }
            return {**task, **claimed, **_named(over, "taken_over_from")}
        case TaskCompleted() as done if task:
            completion = _named(done, "completed_by", "completed_at", "evidence", "note")
            return {**task, "status": "completed", **completion}
        case _:
            return task


def _named(event: BaseModel, *names: str) -> Body:
    return {name: as_stored(getattr(event, name)) for name in names}


def _task(opened: AwaitingOperator, at: datetime) -> Body:
    request = opened.request
    return {
        "task_id": opened.task_id,
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account,
        "target": opened.target,
        "instructions": opened.instructions,
        "status": "open",
        "opened_at": at,
        "applicant_name": request.applicant.name,
        "settings": as_stored(opened.settings),
        "due_at": opened.due_at,
        "claimed_by": None,
        "claimed_at": None,
        "taken_over_from": None,
        "completed_by": None,
        "completed_at": None,
        "evidence": [],
        "note": None,
    }


def _task_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    event = incoming.data
    return event.task_id if isinstance(event, _OF_A_TASK) else None


TASKS: Final = View(
    name="tasks",
    model=Task,
    fold=fold_task,
    key=_task_key,
    indexes=[("agency", "status", name, "_id") for name in ("due_at", "applicant_name", "kind")],
)


Drifts = ViewProjection[Drift]


def fold_drift(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The drift of one request's configuration after `incoming`."""
    if isinstance(incoming.data, DriftDetected):
        return _detected(incoming.data)
    return {**document, **_moved_on(incoming)} if document else None


def _moved_on(incoming: IncomingEvent[BaseModel]) -> Body:
    changes: Body = {}
    match incoming.data:
        case DriftCleared():
            changes = {"status": "cleared", "ended_at": incoming.time}
        case DriftAccepted(accepted_by=by) as accepted:
            changes = {"status": "accepted", **_ruled(by, accepted)}
        case CorrectionRequested(requested_by=by) as correction:
            changes = {"status": "being_corrected", "failure": None, **_ruled(by, correction)}
        case CorrectionFailed(reason=reason, code=code):
            changes = {"status": "open", "failure": reason, "code": code}
        case Corrected(evidence=evidence):
            ended = {"ended_at": incoming.time, "evidence": as_stored(evidence)}
            changes = {"status": "corrected", **ended}
    return changes


def _ruled(by: Officer, event: DriftAccepted | CorrectionRequested) -> Body:
    at = event.accepted_at if isinstance(event, DriftAccepted) else event.requested_at
    return {"ruled_by": by.model_dump(), "ruled_at": at, "reason": event.reason}


def _detected(detected: DriftDetected) -> Body:
    request = detected.request
    return {
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account,
        "applicant_name": request.applicant.name,
        "status": "open",
        "targets": list(dict.fromkeys(change.target for change in detected.differences)),
        "differences": as_stored(detected.differences),
        "detected_at": detected.detected_at,
        "ruled_by": None,
        "ruled_at": None,
        "reason": None,
        "failure": None,
        "code": None,
        "ended_at": None,
        "evidence": [],
    }


_OF_DRIFT: Final = (
    *(DriftDetected, DriftCleared, DriftAccepted),
    *(CorrectionRequested, CorrectionFailed, Corrected),
)


def _drift_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    return incoming.subject if isinstance(incoming.data, _OF_DRIFT) else None


DRIFT: Final = View(
    name="drift",
    model=Drift,
    fold=fold_drift,
    key=_drift_key,
    indexes=[("agency", "status", "detected_at", "_id"), ("status", "detected_at", "_id")],
)


Confirmations = ViewProjection[Confirmation]


def fold_confirmation(document: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """What the agency was last asked about the grant of one request, and its answer."""
    match incoming.data:
        case ConfirmationDue() as due:
            return _confirmation_due(due, incoming.time)
        case GrantConfirmed(confirmed_by=by, confirmed_at=at, reason=reason) if document:
            return {**document, **_answered("confirmed", by, at, reason)}
        case TerminationProposed(proposed_by=by, proposed_at=at, reason=reason) as ends if document:
            ended = _answered("termination_proposed", by, at, reason)
            return {**document, **ended, "termination_id": ends.termination_id}
        case ConfirmationSuperseded() if document:
            return {**document, "status": "superseded"}
        case _:
            return document


def _confirmation_due(due: ConfirmationDue, at: datetime) -> Body:
    request = due.request
    return {
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "account": request.applicant.account,
        "applicant_name": request.applicant.name,
        "status": "open",
        "campaign": due.campaign,
        "cause": due.cause,
        "directory_read_at": due.directory_read_at,
        "in_force_since": due.in_force_since,
        "asked_at": at,
        "answer_by": due.answer_by,
        "answered_by": None,
        "answered_at": None,
        "reason": None,
        "termination_id": None,
    }


def _answered(status: str, by: Officer, at: datetime, reason: str) -> Body:
    answer = {"answered_by": by.model_dump(), "answered_at": at, "reason": reason}
    return {"status": status, **answer}


_OF_CONFIRMATION: Final = (
    *(ConfirmationDue, GrantConfirmed),
    *(TerminationProposed, ConfirmationSuperseded),
)


def _confirmation_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    return incoming.subject if isinstance(incoming.data, _OF_CONFIRMATION) else None


CONFIRMATIONS: Final = View(
    name="confirmations",
    model=Confirmation,
    fold=fold_confirmation,
    key=_confirmation_key,
    indexes=[("agency", "status", "answer_by", "_id"), ("status", "answer_by", "_id")],
)


def work_of(incoming: IncomingEvent[BaseModel]) -> Sequence[WorkChange]:
    """The work that an event leads to; each event has its own, whatever became of earlier work."""
    match incoming.data:
        case (
            ConfigurationDue(ipms_connector=target)
            | RetryRequested(ipms_connector=target)
            | CorrectionRequested(ipms_connector=target)
        ):
            return [_work(incoming, target)]
        case TaskCompleted():
            return [_work(incoming, WORKLIST)]
        case _:
            return ()


def _work(incoming: IncomingEvent[BaseModel], target: str) -> WorkItem:
    return WorkItem(
        f"{incoming.subject}:{incoming.position}", target, incoming.subject, incoming.time
    )
