"""What an approved request wants of each target, in which order, and how far off a target is."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from bmt.contracts.events import (
    Effective,
    EffectiveIpms,
    EffectiveStorage,
    PlannedChange,
    Target,
)
from bmt.contracts.values import Kind
from services.provisioning.domain.order import Order

ORDER: Final[Mapping[Kind, tuple[Target, ...]]] = MappingProxyType(
    {"application": ("storage", "ipms"), "termination": ("ipms", "storage")}
)
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
