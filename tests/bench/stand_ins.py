"""IPMS, the transfer storage and the mail server, answering at once and within the process.

What is left is the system itself: what an agency's IPMS, storage and mail server add is theirs.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from bmt.chassis.clock import Clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage, PlannedChange, Target
from services.provisioning.connectors.connector import Reading
from services.provisioning.domain.goal import changes

E = TypeVar("E", bound=BaseModel)


class AtOnce(Generic[E]):
    """A connector that keeps what it was told, by account."""

    def __init__(self, name: str, target: Target, nothing: E, clock: Clock) -> None:
        self.name = name
        self._target = target
        self._nothing = nothing
        self._clock = clock
        self._kept: dict[str, E] = {}

    async def plan(self, account: str, wanted: E) -> Sequence[PlannedChange]:
        return changes(self._target, self._kept.get(account, self._nothing), wanted)

    async def apply(self, account: str, wanted: E) -> None:
        self._kept[account] = wanted

    async def read_back(self, account: str) -> Reading[E]:
        return Reading(self._kept.get(account, self._nothing), self._clock())

    async def close(self) -> None:
        """Nothing is open."""


def ipms(clock: Clock) -> AtOnce[EffectiveIpms]:
    nothing = EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None)
    return AtOnce("scim", "ipms", nothing, clock)


def storage(clock: Clock) -> AtOnce[EffectiveStorage]:
    nothing = EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None)
    return AtOnce("copyparty", "storage", nothing, clock)


class Post:
    """A mail server that takes everything."""

    def __init__(self, *_: Any) -> None: ...

    async def send(self, message: bytes, recipient: str, *, copy_to: str | None = None) -> None:
        """As `services.notification.channels.smtp.Post.send`."""
