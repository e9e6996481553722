"""What is wanted of the targets: by an approval that was heard, or by one that is only supposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from pydantic import BaseModel

from bmt.agencies import charter
from bmt.agencies.states import State
from bmt.contracts.events import (
    Effective,
    EffectiveIpms,
    EffectiveStorage,
    Granted,
    PlannedChange,
    Target,
)
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


# The goal of an order, and how far a target is from it.


ORDER: Final[Mapping[Kind, tuple[Target, ...]]] = {
    "application": ("storage", "ipms"),
    "termination": ("ipms", "storage"),
}
"""Which target comes first.

IPMS is what lets a user begin, the storage is where the file goes. So the place is there before the
permission, and the permission ends before the place: at no moment may a user begin what cannot end well.
Where the second target refuses, what the first one was left with is a place that nobody may use yet, or a
place that nobody may use any more: harmless until somebody retries.
"""

NOTHING_IN_FORCE: Final = Effective(
    ipms=EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None),
    storage=EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None),
)


def goal(order: Order) -> Effective:
    """What shall be in force in the end: absolute values, so that repeating is harmless."""
    if order.kind == "termination":
        return NOTHING_IN_FORCE
    largest = order.approved.max_file_size_bytes
    return Effective(
        ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=largest),
        storage=EffectiveStorage(
            enabled=True, quota_bytes=order.approved.quota_bytes, max_file_size_bytes=largest
        ),
    )


def changes(
    target: Target, current: BaseModel | None, wanted: BaseModel
) -> tuple[PlannedChange, ...]:
    """What differs between what a target shows and what is wanted.

    Args:
        target: whose settings these are.
        current: what it shows; None when nobody can tell, then every setting is one to change.
        wanted: the same kind of model.
    """
    shown: Mapping[str, Any] = dict(current) if current else {}
    return tuple(
        PlannedChange(target=target, setting=name, from_=shown.get(name), to=value)
        for name, value in wanted
        if current is None or shown[name] != value
    )


def by_hand(target: Target, wanted: Effective) -> tuple[PlannedChange, ...]:
    """What a person sets at a target that nobody else can look into, setting by setting."""
    settings = {"ipms": wanted.ipms, "storage": wanted.storage}[target]
    return tuple(change for change in changes(target, None, settings) if change.to is not None)


def shortfall(effective: Effective, wanted: Effective) -> tuple[PlannedChange, ...]:
    """What is not in force as it should be."""
    return (
        *changes("ipms", effective.ipms, wanted.ipms),
        *changes("storage", effective.storage, wanted.storage),
    )


def said_instead(wrong: Sequence[PlannedChange]) -> str:
    """What a target shows instead of what was set, for people."""
    return "; ".join(
        f"{change.target} shows {change.setting} {_plain(change.from_)} after it was set to "
        f"{_plain(change.to)}"
        for change in wrong
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "nothing" if value is None else str(value)
