"""IPMS, the transfer storage and the mail server, answering at once and within the process.

What is left is the system itself: what an agency's IPMS, storage and mail server add is theirs.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage, PlannedChange, Target
from services.provisioning.connectors.connector import Answers, Reading
from services.provisioning.domain.order import changes

E = TypeVar("E", bound=BaseModel)


class AtOnce(Generic[E]):
    """A connector that keeps what it was told, by account."""

    def __init__(self, name: str, target: Target, nothing: E, clock: Clock) -> None:
        self.name = name
        self._target = target
        self._nothing = nothing
        self._clock = clock
        self._kept: dict[str, E] = {}

    async def plan(self, desired: Mapping[str, E]) -> Answers[Sequence[PlannedChange]]:
        return {
            account: changes(self._target, self._kept.get(account, self._nothing), goal)
            for account, goal in desired.items()
        }

    async def apply(self, desired: Mapping[str, E]) -> Answers[None]:
        self._kept.update(desired)
        return dict.fromkeys(desired)

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[E]]:
        now = self._clock()
        return {one: Reading(self._kept.get(one, self._nothing), now) for one in accounts}

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
        """As `services.notification.smtp.SmtpPost.send`."""
