"""Configurations in their statuses, and the commands on them, for the specifications of provisioning."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures import procedure
from fixtures.samples import GB, facts

from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Effective,
    EffectiveIpms,
    EffectiveStorage,
    Evidence,
    PlannedChange,
    RequestFacts,
)
from bmt.contracts.values import Officer
from services.provisioning.domain.configuration import (
    AcceptDrift,
    AwaitOperator,
    ClaimTask,
    CompleteTask,
    Correct,
    ObserveTargets,
    RecordConfigured,
    RecordFailure,
    RequestConfiguration,
    Retry,
    Start,
    TakeOverTask,
)
from services.provisioning.domain.configuration_rules import ITSELF
from services.provisioning.domain.events import (
    ConfigurationDue,
    CorrectionRequested,
    DriftAccepted,
    DriftDetected,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
from services.provisioning.domain.order import NOTHING_IN_FORCE, Policy, by_hand

REQUEST = facts()
TERMINATION = facts(kind="termination")
MAMPU = Policy(ipms_connector="scim")
JPA = Policy(ipms_connector="worklist", approver_may_configure=False)
SITI = Officer(subject="siti@mampu.gov.my", name="Siti binti Ali", role="administrator")
FAIZ = Officer(subject="faiz@mampu.gov.my", name="Faiz bin Omar", role="administrator")
OPERATOR = Officer(subject="operator", name="Operator", role="operator")
DECIDED = datetime(2025, 11, 25, 2, tzinfo=UTC)
"""Tuesday, 25 November 2025, 10:00 in Malaysia."""
NOW = DECIDED + timedelta(hours=1)
DUE_AT = datetime(2025, 11, 26, 9, tzinfo=UTC)
"""Wednesday 17:00 in Malaysia: one working day later."""
TASK = "01931f2a-0000-7000-8000-000000000001"
SCREENSHOT = "sha256:" + "1" * 64
ON = Effective(
    ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=GB),
    storage=EffectiveStorage(enabled=True, quota_bytes=10 * GB, max_file_size_bytes=GB),
)
PLAN = (PlannedChange(target="ipms", setting="bmt_enabled", from_=False, to=True),)


def approved(request: RequestFacts = REQUEST, **changes: Any) -> Approved:
    return procedure.approved(request, **{"decided_by": SITI, "decided_at": DECIDED, **changes})


def request_configuration(said: Approved | None = None, policy=MAMPU) -> RequestConfiguration:
    return RequestConfiguration(said or approved(), policy)


def due(request: RequestFacts = REQUEST, policy: Policy = MAMPU) -> ConfigurationDue:
    said = approved(request)
    return ConfigurationDue(
        request=request,
        approved=said.approved,
        decided_by=SITI,
        decided_at=DECIDED,
        due_at=DUE_AT,
        ipms_connector=policy.ipms_connector,
        storage_connector=policy.storage_connector,
        approver_may_configure=policy.approver_may_configure,
    )


def started(request: RequestFacts = REQUEST) -> ConfigurationStarted:
    return ConfigurationStarted(request=request, plan=PLAN)


def awaiting(request: RequestFacts = REQUEST) -> AwaitingOperator:
    return AwaitingOperator(
        request=request,
        task_id=TASK,
        target="ipms",
        instructions="Hidupkan. Turn it on.",
        settings=by_hand("ipms", ON),
        due_at=DUE_AT,
    )


def claimed(by: Officer = FAIZ) -> TaskClaimed:
    return TaskClaimed(request=REQUEST, task_id=TASK, claimed_by=by, claimed_at=NOW)


def taken_over(by: Officer = SITI, since: Officer = FAIZ) -> TaskTakenOver:
    return TaskTakenOver(
        request=REQUEST,
        task_id=TASK,
        taken_over_from=since,
        taken_over_by=by,
        taken_over_at=NOW,
        reason="Cuti sakit.",
    )


def completed(by: Officer = FAIZ, **changes: Any) -> TaskCompleted:
    values = {"task_id": TASK, "completed_by": by, "completed_at": NOW, "evidence": (SCREENSHOT,)}
    return TaskCompleted(**{"request": REQUEST, **values, **changes})


def failed(target="ipms", reason="IPMS has no such account", retryable=True) -> ConfigurationFailed:
    return ConfigurationFailed(request=REQUEST, target=target, reason=reason, retryable=retryable)


def evidence(connector: str = "scim") -> tuple[Evidence, ...]:
    return (
        Evidence(target="storage", connector="copyparty", read_back_at=NOW),
        _of_ipms(connector),
    )


def _of_ipms(connector: str) -> Evidence:
    if connector == "worklist":
        confirmed = {"confirmed_by": FAIZ, "confirmed_at": NOW, "document_id": SCREENSHOT}
        return Evidence(target="ipms", connector=connector, **confirmed)
    return Evidence(target="ipms", connector=connector, read_back_at=NOW)


def configured(
    request: RequestFacts = REQUEST, by: Officer = ITSELF, effective: Effective | None = None
) -> Configured:
    termination = request.kind == "termination"
    return Configured(
        request=request,
        configured_by=by,
        configured_at=NOW,
        effective=effective or (NOTHING_IN_FORCE if termination else ON),
        evidence=evidence(),
    )


def retried(
    by: Officer = OPERATOR, reason: str | None = None, ipms_connector: str = "scim"
) -> RetryRequested:
    return RetryRequested(
        request=REQUEST,
        requested_by=by,
        requested_at=NOW,
        ipms_connector=ipms_connector,
        reason=reason,
    )


def drifted(largest: int = 2 * GB, target: str = "ipms") -> DriftDetected:
    """The target shows a larger file than was configured."""
    change = PlannedChange(target=target, setting="max_file_size_bytes", from_=largest, to=GB)
    return DriftDetected(request=REQUEST, differences=(change,), detected_at=NOW)


def observe(**shown: Any) -> ObserveTargets:
    """Each target by name shows its settings as configured, except for these."""
    of = {
        target: getattr(ON, target).model_copy(update=changed) for target, changed in shown.items()
    }
    return ObserveTargets(of, NOW)


def correction_requested(connector: str = "scim") -> CorrectionRequested:
    return CorrectionRequested(
        request=REQUEST,
        requested_by=FAIZ,
        requested_at=NOW,
        reason="Betulkan.",
        ipms_connector=connector,
        due_at=DUE_AT,
    )


def correct(by: Officer = FAIZ, agency: str = "MAMPU", policy: Policy = MAMPU, overtaken=False):
    return Correct(by, agency, "Betulkan.", NOW, policy, overtaken)


def accept(by: Officer = FAIZ, agency: str = "MAMPU") -> AcceptDrift:
    return AcceptDrift(by, agency, "Dibenarkan.", NOW)


def accepted() -> DriftAccepted:
    return DriftAccepted(request=REQUEST, accepted_by=FAIZ, accepted_at=NOW, reason="Dibenarkan.")


def start() -> Start:
    return Start(PLAN)


def claim(by: Officer = FAIZ, agency: str = "MAMPU", task_id: str = TASK) -> ClaimTask:
    return ClaimTask(task_id, by, agency, NOW)


def take_over(
    by: Officer = SITI, claimed_by: str = FAIZ.subject, agency: str = "MAMPU", task_id: str = TASK
) -> TakeOverTask:
    return TakeOverTask(task_id, by, agency, claimed_by, "Cuti sakit.", NOW)


def complete(by: Officer = FAIZ, agency: str = "MAMPU", task_id: str = TASK) -> CompleteTask:
    return CompleteTask(task_id, by, agency, NOW, (SCREENSHOT,))


def record(effective: Effective = ON) -> RecordConfigured:
    return RecordConfigured(effective, evidence(), NOW)


def fail(retryable: bool = True) -> RecordFailure:
    return RecordFailure("ipms", "IPMS has no such account", retryable)


def retry(
    by=OPERATOR,
    agency: str | None = None,
    overtaken: bool = False,
    reason: str | None = None,
    by_hand: bool = False,
) -> Retry:
    return Retry(by, agency, overtaken, NOW, reason, by_hand)


BY_HAND = (due(policy=Policy()), started(), awaiting())
SEPARATED = (due(policy=JPA), started(), awaiting())
"""An officer must set IPMS by hand; in the second, not the one who approved."""
ASK = AwaitOperator(TASK, "ipms", "Hidupkan. Turn it on.")
