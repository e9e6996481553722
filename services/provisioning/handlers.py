"""What provisioning does about an approval, and about an order to try again. Tasks are in `tasks`."""

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http.routes import CommandContext
from bmt.contracts.events import Approved
from bmt.contracts.http.provisioning import RetryOrder
from bmt.contracts.values import Officer
from services.provisioning.domain.configuration import (
    NotRequested,
    RequestConfiguration,
    Retry,
)
from services.provisioning.domain.errors import UnknownRequest
from services.provisioning.domain.order import Policy
from services.provisioning.ports import Ports
from services.provisioning.queries import overtaken


async def request_configuration(
    incoming: IncomingEvent[Approved], agencies: Agencies
) -> Message[RequestConfiguration]:
    """An approved request waits for its turn; this calls nothing slow."""
    command = RequestConfiguration(incoming.data, policy_of(incoming.data.request.agency, agencies))
    return incoming.to_command(stream_of(incoming.subject), command)


async def retry(
    request_id: str, order: RetryOrder, context: CommandContext, here: Ports
) -> Executed:
    """Try again after a failure whose cause was removed, or have an officer set IPMS.

    Raises:
        Refused: as the decider says.
    """
    stream = stream_of(request_id)
    state = await here.execution.state(stream)
    if isinstance(state, NotRequested):
        raise UnknownRequest
    operates = context.principal.has("operator")
    command = Retry(
        officer=officer(context, "operator" if operates else "administrator"),
        agency=None if operates else context.principal.agency,
        overtaken=await overtaken(here.configurations, state.order),
        requested_at=here.clock(),
        reason=order.reason,
        by_hand=order.by_hand,
    )
    return await here.execution.execute(context.to_command(stream, command))


def officer(context: CommandContext, role: str) -> Officer:
    """The caller, in one of their roles."""
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
