"""What is wanted of the targets: by an approval that was heard, or by one that is only supposed."""

from dataclasses import dataclass
from typing import Protocol

from bmt.contracts.events import Granted
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Kind
from services.provisioning.domain.errors import QuotaAboveMaximum, SizesWrong
from services.provisioning.domain.policy import Policy

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


def suppose(kind: Kind, account: str, asked: Granted, wish: Granted, policy: Policy) -> Supposed:
    """The order that approving would give, under the agency's rules of now.

    Args:
        kind: of the request.
        account: of its applicant.
        asked: what the request asks for.
        wish: what would be granted instead, where it names a size.
        policy: the agency's rules.

    Raises:
        SizesWrong: a decision could not grant these sizes.
        QuotaAboveMaximum: nor this quota.
    """
    granted = _granted(kind, asked, wish)
    _require_within(policy, granted, asked)
    return Supposed(kind, account, granted, policy.ipms_connector, policy.storage_connector)


def _granted(kind: Kind, asked: Granted, wish: Granted) -> Granted:
    if kind == "application":
        return Granted(
            quota_bytes=wish.quota_bytes or asked.quota_bytes,
            max_file_size_bytes=wish.max_file_size_bytes or asked.max_file_size_bytes,
        )
    named = ((_TO_QUOTA, wish.quota_bytes), (_TO_LARGEST, wish.max_file_size_bytes))
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
