"""Orders of requests that were approved, or are only supposed to be; and how far a target is from one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel

from bmt.agencies import charter
from bmt.agencies.charter import State
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
from services.provisioning.domain.errors import SizesWrong
from services.provisioning.domain.events import ConfigurationDue

WORKLIST: Final = "worklist"
"""The connector's name where an officer sets IPMS."""
NEXTCLOUD: Final = "nextcloud"
"""The connector's name where the storage cannot hold every size."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An agency's rules for configurations.

    The defaults are for a request whose agency is no longer in agencies.yaml: an approval must not be lost, and an
    officer can always carry it out.

    Attributes:
        working_days: the client charter's days for configuring.
        state: whose weekend and holidays count.
        closed_days: further days on which the agency is closed.
        approver_may_configure: no separation of duties between approver and configurer.
        largest_quota_bytes: the most that a decision may grant; None: the requested size. So `largest_file_bytes`.
    """

    ipms_connector: str = WORKLIST
    storage_connector: str = "copyparty"
    working_days: int = 1
    state: State = "kuala-lumpur"
    closed_days: frozenset[date] = frozenset()
    approver_may_configure: bool = True
    largest_quota_bytes: int | None = None
    largest_file_bytes: int | None = None

    def due_at(self, since: datetime) -> datetime:
        """The client charter's date of the configuration, for an approval at `since`."""
        return charter.due_at(since, self.working_days, self.state, self.closed_days)


_TO_QUOTA = "/query/quota_bytes"
_TO_LARGEST = "/query/max_file_size_bytes"


@dataclass(frozen=True, slots=True)
class Supposed:
    """The order of a request that nobody has approved: nothing may be done by it."""

    kind: Kind
    account: str
    approved: Granted
    ipms_connector: str
    storage_connector: str


Order = ConfigurationDue | Supposed


def suppose(
    kind: Kind, account: str, requested: Granted, proposed: Granted, policy: Policy
) -> Supposed:
    """The order that an approval would lead to, under the agency's present rules.

    `proposed` sizes replace the `requested` ones.

    Raises:
        SizesWrong: a decision could not grant these sizes.
    """
    granted = _granted(kind, requested, proposed)
    _require_within(policy, granted, requested)
    return Supposed(kind, account, granted, policy.ipms_connector, policy.storage_connector)


def _granted(kind: Kind, requested: Granted, proposed: Granted) -> Granted:
    if kind == "application":
        return Granted(
            quota_bytes=proposed.quota_bytes or requested.quota_bytes,
            max_file_size_bytes=proposed.max_file_size_bytes or requested.max_file_size_bytes,
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


def _require_within(policy: Policy, granted: Granted, requested: Granted) -> None:
    """Requested sizes must be within the rules too, which may have changed since."""
    quota = policy.largest_quota_bytes or requested.quota_bytes
    largest = policy.largest_file_bytes or requested.max_file_size_bytes
    limits = (
        (_TO_QUOTA, granted.quota_bytes, quota),
        (_TO_LARGEST, granted.max_file_size_bytes, largest),
    )
    faults = [
        FieldError.of(pointer, "size_above_maximum", maximum_bytes=limit)
        for pointer, size, limit in limits
        if size is not None and limit is not None and size > limit
    ]
    if faults:
        raise SizesWrong(faults, quota if faults[0].pointer == _TO_QUOTA else None)


ORDER: Final[Mapping[Kind, tuple[Target, ...]]] = {
    "application": ("storage", "ipms"),
    "termination": ("ipms", "storage"),
}
"""The order in which targets are set.

IPMS lets a user begin, and the storage receives the file. So the storage is opened before IPMS allows it, and IPMS
ends before the storage is closed: no user can begin what must fail. If the second target refuses, the storage is
open to nobody, which is harmless until a retry.
"""

NOTHING_IN_FORCE: Final = Effective(
    ipms=EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None),
    storage=EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None),
)


def goal(order: Order) -> Effective:
    """What shall be in force in the end; absolute values, so that repeating is harmless."""
    if order.kind == "termination":
        return NOTHING_IN_FORCE
    quota, largest = order.approved.quota_bytes, order.approved.max_file_size_bytes
    storage = EffectiveStorage(enabled=True, quota_bytes=quota, max_file_size_bytes=largest)
    return Effective(
        ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=largest),
        storage=_as_nextcloud_can(storage) if order.storage_connector == NEXTCLOUD else storage,
    )


def _as_nextcloud_can(desired: EffectiveStorage) -> EffectiveStorage:
    """Never more than is desired: it holds whole KiB, from 1 MiB on tenths of MiB, GiB or TiB; and no largest file."""
    quota = desired.quota_bytes or 0
    unit = next((2**power for power in (40, 30, 20) if quota >= 2**power), None)
    if unit:
        tenths = (10 * quota + 5) // unit
        quota = (tenths * unit + 5) // 10
    elif quota >= 2**10:
        quota -= quota % 2**10
    return desired.model_copy(update={"quota_bytes": quota or None, "max_file_size_bytes": None})


def changes(
    target: Target, current: BaseModel | None, desired: BaseModel
) -> tuple[PlannedChange, ...]:
    """The differences between a target's settings and the desired ones; None: unknown, so every setting changes."""
    shown: Mapping[str, Any] = dict(current) if current else {}
    return tuple(
        PlannedChange(target=target, setting=name, from_=shown.get(name), to=value)
        for name, value in desired
        if current is None or shown[name] != value
    )


def by_hand(target: Target, desired: Effective) -> tuple[PlannedChange, ...]:
    """The settings for a person at a target that nobody else can read."""
    settings = {"ipms": desired.ipms, "storage": desired.storage}[target]
    return tuple(change for change in changes(target, None, settings) if change.to is not None)


def shortfall(effective: Effective, desired: Effective) -> tuple[PlannedChange, ...]:
    """How far a reading of both targets is from the desired settings."""
    return (
        *changes("ipms", effective.ipms, desired.ipms),
        *changes("storage", effective.storage, desired.storage),
    )


def shown_instead(wrong: Sequence[PlannedChange]) -> str:
    """What a target shows after it was set, for people."""
    return "; ".join(
        f"{change.target} shows {change.setting} {_plain(change.from_)} after it was set to "
        f"{_plain(change.to)}"
        for change in wrong
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "nothing" if value is None else str(value)
