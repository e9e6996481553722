"""What provisioning does about each event heard and each call: one verb each."""

from typing import Any

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.document_rights import Claimant, DocumentRights
from bmt.contracts.events import Approved
from bmt.contracts.http.provisioning import Completion, TakeOver, Task
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Officer
from services.provisioning.domain.commands import (
    ClaimTask,
    Command,
    CompleteTask,
    RequestConfiguration,
    Retry,
    TakeOverTask,
)
from services.provisioning.domain.errors import UnknownRequest, UnknownTask
from services.provisioning.domain.order import Policy
from services.provisioning.domain.state import NotHeard
from services.provisioning.views.configurations import Configurations, overtaken
from services.provisioning.views.tasks import Tasks


class DocumentUnknown(Refused):
    """Evidence names a document that does not count for the officer, or never was."""

    problem = "document_unknown"


async def request_configuration(
    incoming: IncomingEvent[Approved], agencies: Agencies
) -> Message[RequestConfiguration]:
    """A request was approved: it waits for its turn. Nothing slow is called here."""
    command = RequestConfiguration(incoming.data, policy_of(incoming.data.request.agency, agencies))
    return incoming.to_command(stream_of(incoming.subject), command)


async def claim_task(
    task_id: str,
    context: CommandContext,
    execution: Execution[Any, Any],
    tasks: Tasks,
    clock: Clock,
) -> Executed:
    """An officer takes a task on.

    Raises:
        Refused: as the decider says.
    """
    caller = context.principal
    command = ClaimTask(task_id, task_officer(context), caller.agency, clock())
    request_id = await _request_of(task_id, caller, tasks)
    return await execution.execute(_said(request_id, context, command))


async def take_over_task(
    task_id: str,
    takeover: TakeOver,
    context: CommandContext,
    execution: Execution[Any, Any],
    tasks: Tasks,
    clock: Clock,
) -> Executed:
    """An officer does a task in the place of the colleague who claimed it.

    Raises:
        Refused: as the decider says.
    """
    caller = context.principal
    command = TakeOverTask(
        task_id=task_id,
        officer=task_officer(context),
        agency=caller.agency,
        claimed_by=takeover.claimed_by,
        reason=takeover.reason,
        taken_over_at=clock(),
    )
    request_id = await _request_of(task_id, caller, tasks)
    return await execution.execute(_said(request_id, context, command))


async def complete_task(
    task_id: str,
    completion: Completion,
    context: CommandContext,
    execution: Execution[Any, Any],
    tasks: Tasks,
    documents: DocumentRights,
    clock: Clock,
) -> Executed:
    """An officer states that a task is done, with the documents that show it.

    Raises:
        Refused: as the decider says; `document_unknown`.
    """
    request_id = await _request_of(task_id, context.principal, tasks)
    evidence = tuple(dict.fromkeys(completion.evidence))
    await _require_documents(completion.evidence, documents, Claimant.of(context.principal))
    command = CompleteTask(
        task_id=task_id,
        officer=task_officer(context),
        agency=context.principal.agency,
        completed_at=clock(),
        evidence=evidence,
        note=completion.note,
    )
    return await execution.execute(_said(request_id, context, command))


async def retry(
    request_id: str,
    reason: str | None,
    context: CommandContext,
    execution: Execution[Any, Any],
    configurations: Configurations,
    clock: Clock,
) -> Executed:
    """After a failure somebody mended the cause: try again.

    Raises:
        Refused: as the decider says.
    """
    state = await execution.state(stream_of(request_id))
    if isinstance(state, NotHeard):
        raise UnknownRequest
    operates = context.principal.has("operator")
    command = Retry(
        officer=officer(context, "operator" if operates else "administrator"),
        agency=None if operates else context.principal.agency,
        overtaken=await overtaken(configurations, state.order),
        requested_at=clock(),
        reason=reason,
    )
    return await execution.execute(_said(request_id, context, command))


async def task_of(task_id: str, caller: Principal, tasks: Tasks) -> Task:
    """A task of the caller's agency.

    Raises:
        UnknownTask: there is none, or it is another agency's.
    """
    task = await tasks.get(task_id)
    if task is None or task.agency != caller.agency:
        raise UnknownTask
    return task


def sees(caller: Principal, agency: str) -> bool:
    """Administrators see their own agency; operators all; auditors all, or the one in their token."""
    if caller.has("operator") or (caller.has("auditor") and not caller.agency):
        return True
    return caller.has("administrator", "auditor") and caller.agency == agency


def task_officer(context: CommandContext) -> Officer:
    """Who does a task: an agency's administrator, or the operator it has for IPMS."""
    administers = context.principal.has("administrator")
    return officer(context, "administrator" if administers else "operator")


def officer(context: CommandContext, role: str) -> Officer:
    """Who calls, in the role that allows it."""
    return Officer(subject=context.principal.subject, name=context.principal.name, role=role)


def policy_of(agency: str, agencies: Agencies) -> Policy:
    """The rules for an agency's configurations; see `Policy` for an agency that no longer has any."""
    if agency not in agencies:
        return Policy()
    rules = agencies.get(agency).rules
    return Policy(
        ipms_connector=rules.connectors.ipms,
        storage_connector=rules.connectors.storage,
        working_days=rules.charter_working_days.configure,
        state=rules.state,
        closed_days=frozenset(rules.closed_days),
        approver_may_configure=rules.separation.approver_may_configure,
        largest_quota_bytes=rules.quota_bytes.maximum,
        largest_file_bytes=rules.max_file_size_bytes,
    )


def stream_of(request_id: str) -> str:
    """The stream of one request's configuration."""
    return f"request-{request_id}"


def _said(request_id: str, context: CommandContext, command: Command) -> Message[Command]:
    return Message(
        stream_of(request_id), context.causation, context.fingerprint, command, context.traceparent
    )


async def _request_of(task_id: str, caller: Principal, tasks: Tasks) -> str:
    return (await task_of(task_id, caller, tasks)).request_id


async def _require_documents(
    evidence: tuple[str, ...], documents: DocumentRights, claimant: Claimant
) -> None:
    there = await documents.find(evidence, claimant)
    missing = [index for index, document in enumerate(evidence) if document not in there]
    if missing:
        raise DocumentUnknown(
            "Hand the evidence in with POST /v1/documents of intake first.",
            errors=tuple(
                FieldError.of(f"/evidence/{index}", "document_unknown") for index in missing
            ),
        )
