"""Transfer storage on a copyparty server: an account's volume is a folder with a quota."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import httpx

from bmt.chassis import crash_points
from bmt.chassis.batcher import Batcher
from bmt.chassis.clock import Clock
from bmt.contracts.events import EffectiveStorage, PlannedChange
from services.provisioning.connectors.connector import (
    Reading,
    TargetAway,
    TargetRefused,
    Unsettled,
)
from services.provisioning.connectors.copyparty_server import BUSY_SECONDS, NAME, CopypartyServer
from services.provisioning.connectors.volume_files import SAFE, VolumeFiles, volume_text
from services.provisioning.domain.goal import changes

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS: Final = 10.0
"""How long one change waits for a reload; the reload goes on without it."""

_PASSWORD_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class _Write:
    """A volume's file; without a text it is as it should be, and has to be loaded."""

    owner: str
    text: str | None


class Copyparty:
    """Opens and closes volumes by their files, and reads back over WebDAV as the administrator and owner.

    What proves what: the quota is what the server itself adds up (used + available); whether the owner
    gets in is tried as the owner. The largest file has no read-back but a refused upload, which would
    leave a file behind where it is not refused: so it is read from the volume's file, of which it is
    known that the server has loaded it.
    """

    name = NAME

    def __init__(
        self, http: httpx.AsyncClient, files: VolumeFiles, admin: str, secret: str, clock: Clock
    ) -> None:
        """`http` has the base address and the timeout; `secret` is the administrator's password."""
        self._server = CopypartyServer(http, admin, secret)
        self._files = files
        self._clock = clock
        # One reload at a time, for all volumes that were changed since the last began.
        self._changes: Batcher[_Write, Exception | None] = Batcher(self._change)
        self._rested_at = 0.0

    async def plan(self, account: str, wanted: EffectiveStorage) -> Sequence[PlannedChange]:
        """As `Connector.plan`."""
        owner = await self._owner(account)
        if await _on_disk(self._files.owes_reload, owner):
            raise Unsettled(NAME)
        return changes("storage", (await self._shown(owner)).effective, wanted)

    async def apply(self, account: str, wanted: EffectiveStorage) -> None:
        """As `Connector.apply`: the whole file, then a reload."""
        owner = await self._owner(account)
        text = volume_text(owner, self._password(owner), self._server.admin, wanted)
        await self._have_loaded(_Write(owner, text))

    async def read_back(self, account: str) -> Reading[EffectiveStorage]:
        """As `Connector.read_back`; a file that a crash left unloaded is loaded first."""
        owner = await self._owner(account)
        if await _on_disk(self._files.owes_reload, owner):
            await self._have_loaded(_Write(owner, None))
        return await self._shown(owner)

    async def close(self) -> None:
        """Finish what is under way, unless the server is silent, and close the connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BUSY_SECONDS):
                await self._changes.close()
        await self._server.close()

    async def _shown(self, owner: str) -> Reading[EffectiveStorage]:
        granted = await self._server.quota_bytes(owner)
        largest = await _on_disk(self._files.largest_file_bytes, owner)
        enabled = await self._server.lets_in(owner, self._password(owner)) and granted is not None
        effective = EffectiveStorage(
            enabled=enabled, quota_bytes=granted, max_file_size_bytes=largest
        )
        return Reading(effective, self._clock())

    async def _owner(self, account: str) -> str:
        """The name of the account's volume; nothing is written for one that is not safe."""
        if not SAFE.fullmatch(account) or account.casefold() == self._server.admin.casefold():
            reason = "the account's name cannot be that of a volume"
            raise TargetRefused("storage", reason, code="not_a_volume", retryable=False)
        return await _on_disk(self._files.owner, account)

    def _password(self, owner: str) -> str:
        digest = hmac.new(self._server.secret.encode(), owner.encode(), hashlib.sha256).hexdigest()
        return digest[:_PASSWORD_LENGTH]

    async def _have_loaded(self, write: _Write) -> None:
        """Have it loaded, together with all that waits; what waits too long is looked at again later."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                (failure,) = await self._changes.submit([write])
        except TimeoutError as slow:
            raise TargetAway(NAME, "is still reading its configuration") from slow
        if failure is not None:
            raise failure

    async def _change(self, writes: Sequence[_Write]) -> Sequence[Exception | None]:
        """Write these files and load them; where the server refuses, put them back as they were."""
        owners = [write.owner for write in writes]
        former = [
            (write.owner, await _on_disk(self._files.replace, write.owner, write.text))
            for write in writes
            if write.text is not None
        ]
        crash_points.reached("provisioning.copyparty.written")
        if await self._load(owners):
            return [None] * len(writes)
        for owner, text in reversed(former):
            await _on_disk(self._files.replace, owner, text)
        crash_points.reached("provisioning.copyparty.put_back")
        if not await self._load(owners):
            raise TargetAway(NAME, "refuses its configuration as it was before")
        if len(writes) > 1:
            return [(await self._change([write]))[0] for write in writes]
        return [
            TargetRefused(
                "storage",
                "the storage refuses the volume's configuration",
                code="volume_refused",
            )
        ]

    async def _load(self, owners: Sequence[str]) -> bool:
        """Have the server read its configuration; False: it refuses, and goes on with the former."""
        # As long a rest as the last one took, so that changes come together.
        await asyncio.sleep(self._rested_at - time.monotonic())
        began = time.monotonic()
        try:
            accepted = await self._server.reload()
        finally:
            ended = time.monotonic()
            self._rested_at = ended + min(ended - began, BUSY_SECONDS)
        crash_points.reached("provisioning.copyparty.loaded")
        if not accepted:
            return False
        for owner in owners:
            await _on_disk(self._files.in_force, owner)
        return True


async def _on_disk(do: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `do` answers, without blocking the loop; a disk that fails is a target that is away."""
    try:
        return await asyncio.to_thread(do, *arguments, **named)
    except OSError as error:
        raise TargetAway(NAME, f"volume files: {error.strerror}") from error
