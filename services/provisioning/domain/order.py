"""What is wanted of the targets: by an approval that was heard, or by one that is only supposed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from bmt.agencies import charter
from bmt.agencies.states import State
from bmt.contracts.events import Granted
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Kind
from services.provisioning.domain.errors import QuotaAboveMaximum, SizesWrong

# What an agency's rules say about a configuration.


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that a request is configured by.

    The defaults are for a request whose agency no longer stands in agencies.yaml: what was approved must
    not be lost, and an officer can always do it.

    Attributes:
        ipms_connector: how IPMS is driven.
        storage_connector: how the transfer storage is driven.
        working_days: the client charter's days for configuring.
        state: whose weekend and holidays count.
        closed_days: on which the agency is closed, beside its state's holidays.
        approver_may_configure: separation of duties between approver and configurer.
        largest_quota_bytes: the most that a decision may grant; None: what was asked.
        largest_file_bytes: likewise.
    """

    ipms_connector: str = "worklist"
    storage_connector: str = "copyparty"
    working_days: int = 1
    state: State = "kuala-lumpur"
    closed_days: frozenset[date] = frozenset()
    approver_may_configure: bool = True
    largest_quota_bytes: int | None = None
    largest_file_bytes: int | None = None

    def due_at(self, since: datetime) -> datetime:
        """When what was approved at `since` is to be configured (client charter)."""
        return charter.due_at(since, self.working_days, self.state, self.closed_days)


_TO_QUOTA = "/query/quota_bytes"
_TO_LARGEST = "/query/max_file_size_bytes"


class Order(Protocol):
    """Whose account is to be brought where, and how each target is driven."""

    @property
    def kind(self) -> Kind:
        """Whether the service is given or taken away."""
        ...

    @property
    def account(self) -> str:
        """The applicant's."""
        ...

    @property
    def approved(self) -> Granted:
        """What is granted, in bytes; a termination grants nothing."""
        ...

    @property
    def ipms_connector(self) -> str:
        """How IPMS is driven."""
        ...

    @property
    def storage_connector(self) -> str:
        """How the transfer storage is driven."""
        ...


@dataclass(frozen=True, slots=True)
class Supposed:
    """As `Order`, of a request that nobody approved yet: nothing may be done by it."""

    kind: Kind
    account: str
    approved: Granted
    ipms_connector: str
    storage_connector: str


def suppose(
    kind: Kind, account: str, asked: Granted, proposed: Granted, policy: Policy
) -> Supposed:
    """The order that approving would give, under the agency's rules of now.

    Args:
        kind: of the request.
        account: of its applicant.
        asked: what the request asks for.
        proposed: what would be granted instead, where it names a size.
        policy: the agency's rules.

    Raises:
        SizesWrong: a decision could not grant these sizes.
        QuotaAboveMaximum: nor this quota.
    """
    granted = _granted(kind, asked, proposed)
    _require_within(policy, granted, asked)
    return Supposed(kind, account, granted, policy.ipms_connector, policy.storage_connector)


def _granted(kind: Kind, asked: Granted, proposed: Granted) -> Granted:
    if kind == "application":
        return Granted(
            quota_bytes=proposed.quota_bytes or asked.quota_bytes,
            max_file_size_bytes=proposed.max_file_size_bytes or asked.max_file_size_bytes,
        )
    named = ((_TO_QUOTA, proposed.quota_bytes), (_TO_LARGEST, proposed.max_file_size_bytes))
    faults = [
        FieldError.of(pointer, "termination_grants_nothing")
        for pointer, size in named
        if size is not None
    ]
    if faults:
        raise SizesWrong(faults)
    return Granted(quota_bytes=None, max_file_size_bytes=None)


def _require_within(policy: Policy, granted: Granted, asked: Granted) -> None:
    """What was asked is held to it too: so a decision is, and the rules may have changed since."""
    largest = policy.largest_file_bytes or asked.max_file_size_bytes
    if _above(granted.max_file_size_bytes, largest):
        raise SizesWrong(
            [FieldError.of(_TO_LARGEST, "size_above_maximum", maximum_bytes=largest or 0)]
        )
    quota = policy.largest_quota_bytes or asked.quota_bytes
    if quota is not None and _above(granted.quota_bytes, quota):
        raise QuotaAboveMaximum(quota, _TO_QUOTA)


def _above(size: int | None, limit: int | None) -> bool:
    return size is not None and limit is not None and size > limit
