"""Handlers of the consumed events, and the commands of officers."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from services.provisioning.domain.configuration import (
    ClaimTask,
    Command,
    CompleteTask,
    NotRequested,
    RequestConfiguration,
    Retry,
    TakeOverTask,
)
from services.provisioning.domain.errors import UnknownRequest, UnknownTask
from services.provisioning.domain.order import Policy
from services.provisioning.queries import overtaken
from services.provisioning.views import Configurations, Tasks


class DocumentUnknown(Refused):
    """The evidence names a document that does not exist, or that the officer may not use."""

    problem = "document_unknown"


async def request_configuration(
    incoming: IncomingEvent[Approved], agencies: Agencies
) -> Message[RequestConfiguration]:
    """An approved request waits for its turn; this calls nothing slow."""
    command = RequestConfiguration(incoming.data, policy_of(incoming.data.request.agency, agencies))
    return incoming.to_command(stream_of(incoming.subject), command)


@dataclass(frozen=True, slots=True)
class OfficerCommands:
    """The commands of officers; each method raises `Refused` as the decider does."""

    execution: Execution[Any, Any]
    configurations: Configurations
    tasks: Tasks
    documents: DocumentRights
    clock: Clock

    async def claim(self, task_id: str, context: CommandContext) -> Executed:
        """Claim a task."""
        command = ClaimTask(task_id, task_officer(context), context.principal.agency, self.clock())
        return await self._on_task(task_id, context, command)

    async def take_over(
        self, task_id: str, takeover: TakeOver, context: CommandContext
    ) -> Executed:
        """Do a task in place of the colleague who claimed it."""
        command = TakeOverTask(
            task_id=task_id,
            officer=task_officer(context),
            agency=context.principal.agency,
            claimed_by=takeover.claimed_by,
            reason=takeover.reason,
            taken_over_at=self.clock(),
        )
        return await self._on_task(task_id, context, command)

    async def complete(
        self, task_id: str, completion: Completion, context: CommandContext
    ) -> Executed:
        """State that a task is done, with documents as evidence.

        Raises:
            Refused: also `document_unknown`.
        """
        task = await self.task_of(task_id, context.principal)
        await self._require_documents(completion.evidence, Claimant.of(context.principal))
        command = CompleteTask(
            task_id=task_id,
            officer=task_officer(context),
            agency=context.principal.agency,
            completed_at=self.clock(),
            evidence=tuple(dict.fromkeys(completion.evidence)),
            note=completion.note,
        )
        return await self._execute(task.request_id, context, command)

    async def retry(self, request_id: str, reason: str | None, context: CommandContext) -> Executed:
        """Try again after a failure whose cause was removed."""
        state = await self.execution.state(stream_of(request_id))
        if isinstance(state, NotRequested):
            raise UnknownRequest
        operates = context.principal.has("operator")
        command = Retry(
            officer=_officer(context, "operator" if operates else "administrator"),
            agency=None if operates else context.principal.agency,
            overtaken=await overtaken(self.configurations, state.order),
            requested_at=self.clock(),
            reason=reason,
        )
        return await self._execute(request_id, context, command)

    async def task_of(self, task_id: str, caller: Principal) -> Task:
        """A task of the caller's agency.

        Raises:
            UnknownTask: there is none, or it is another agency's.
        """
        task = await self.tasks.get(task_id)
        if task is None or task.agency != caller.agency:
            raise UnknownTask
        return task

    async def _on_task(self, task_id: str, context: CommandContext, command: Command) -> Executed:
        task = await self.task_of(task_id, context.principal)
        return await self._execute(task.request_id, context, command)

    async def _execute(
        self, request_id: str, context: CommandContext, command: Command
    ) -> Executed:
        return await self.execution.execute(context.to_command(stream_of(request_id), command))

    async def _require_documents(self, evidence: Sequence[str], claimant: Claimant) -> None:
        there = await self.documents.find(evidence, claimant)
        missing = [index for index, document in enumerate(evidence) if document not in there]
        if missing:
            raise DocumentUnknown(
                "Hand the evidence in with POST /v1/documents of intake first.",
                errors=tuple(
                    FieldError.of(f"/evidence/{index}", "document_unknown") for index in missing
                ),
            )


def sees(caller: Principal, agency: str) -> bool:
    """Whether a caller may read an agency's requests.

    Administrators read their own agency's; operators all; auditors all, or those of the agency in their token.
    """
    if caller.has("operator") or (caller.has("auditor") and not caller.agency):
        return True
    return caller.has("administrator", "auditor") and caller.agency == agency


def task_officer(context: CommandContext) -> Officer:
    """The officer of a task: the agency's administrator, or its operator for IPMS."""
    administers = context.principal.has("administrator")
    return _officer(context, "administrator" if administers else "operator")


def _officer(context: CommandContext, role: str) -> Officer:
    return Officer(subject=context.principal.subject, name=context.principal.name, role=role)


def policy_of(agency: str, agencies: Agencies) -> Policy:
    """The agency's rules; the defaults of `Policy` for an agency that no longer exists."""
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
    """The stream of a request's configuration."""
    return f"request-{request_id}"
