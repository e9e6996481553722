"""Transfer storage on a copyparty server: an account's volume is a folder with a quota."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, ParamSpec, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx

from bmt.chassis.batcher import Batcher
from bmt.chassis.clock import Clock
from bmt.contracts.events import EffectiveStorage, PlannedChange
from services.provisioning.connectors.connector import Reading, TargetAway, TargetRefused
from services.provisioning.connectors.volume_files import SAFE, VolumeFiles, volume_text
from services.provisioning.domain.goal import changes

P = ParamSpec("P")
T = TypeVar("T")

NAME: Final = "copyparty"
BUSY_SECONDS: Final = 4.0
"""How long after a reload the server is busy, and how long it may then take to answer.

It takes 25 ms with one volume and 0.4 s with 200 (measured), and then looks at the new volumes, and tells
no quota meanwhile: slow answers are no sign of an outage then."""

_PASSWORD_LENGTH: Final = 32
_QUOTA: Final = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    b"<quota-used-bytes/></prop></propfind>"
)
_ANYTHING: Final = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'
)
_SHUT_OUT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class _Write:
    owner: str
    text: str


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
        self._http = http
        self._files = files
        self._admin = admin
        self._secret = secret
        self._clock = clock
        # One reload at a time, for all volumes that were changed since the last began.
        self._changes: Batcher[_Write, Exception | None] = Batcher(self._change)
        self._busy_until = self._rested_at = 0.0

    async def plan(self, account: str, wanted: EffectiveStorage) -> Sequence[PlannedChange]:
        """As `Connector.plan`."""
        return changes("storage", (await self.read_back(account)).effective, wanted)

    async def apply(self, account: str, wanted: EffectiveStorage) -> None:
        """As `Connector.apply`: the whole file, then a reload."""
        owner = await self._owner(account)
        text = volume_text(owner, self._password(owner), self._admin, wanted)
        (failure,) = await self._changes.submit([_Write(owner, text)])
        if failure is not None:
            raise failure

    async def read_back(self, account: str) -> Reading[EffectiveStorage]:
        """As `Connector.read_back`; a file that a crash left unloaded is loaded first."""
        owner = await self._owner(account)
        if await _on_disk(self._files.owes_reload, owner) and not await self._load([owner]):
            raise TargetAway(NAME, "refuses its configuration")
        granted = await self._quota_bytes(owner)
        largest = await _on_disk(self._files.largest_file_bytes, owner)
        enabled = await self._owner_gets_in(owner) and granted is not None
        effective = EffectiveStorage(
            enabled=enabled, quota_bytes=granted, max_file_size_bytes=largest
        )
        return Reading(effective, self._clock())

    async def close(self) -> None:
        """Finish what is under way and close the connections."""
        await self._changes.close()
        await self._http.aclose()

    async def _owner(self, account: str) -> str:
        """The name of the account's volume; nothing is written for one that is not safe."""
        if not SAFE.fullmatch(account) or account.casefold() == self._admin.casefold():
            reason = "the account's name cannot be that of a volume"
            raise TargetRefused("storage", reason, retryable=False)
        return await _on_disk(self._files.owner, account)

    def _password(self, owner: str) -> str:
        digest = hmac.new(self._secret.encode(), owner.encode(), hashlib.sha256).hexdigest()
        return digest[:_PASSWORD_LENGTH]

    async def _change(self, writes: Sequence[_Write]) -> Sequence[Exception | None]:
        """Write these files and load them; where the server refuses, put them back as they were."""
        owners = [write.owner for write in writes]
        former = [await _on_disk(self._files.replace, write.owner, write.text) for write in writes]
        if await self._load(owners):
            return [None] * len(writes)
        for owner, text in reversed(list(zip(owners, former, strict=True))):
            await _on_disk(self._files.replace, owner, text)
        if not await self._load(owners):
            raise TargetAway(NAME, "refuses its configuration as it was before")
        if len(writes) > 1:
            return [(await self._change([write]))[0] for write in writes]
        return [TargetRefused("storage", "the storage refuses the volume's configuration")]

    async def _load(self, owners: Sequence[str]) -> bool:
        """Have the server read its configuration; False: it refuses, and goes on with the former."""
        # As long a rest as the last one took, so that changes come together.
        await asyncio.sleep(self._rested_at - time.monotonic())
        began = time.monotonic()
        self._busy_until = began + BUSY_SECONDS
        try:
            answer = await self._ask("GET", "/?reload=cfg")
        finally:
            self._rested_at = 2 * time.monotonic() - began
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            return False
        if not answer.is_success:
            raise TargetAway(NAME, f"answers a reload with {answer.status_code}")
        for owner in owners:
            await _on_disk(self._files.in_force, owner)
        return True

    async def _quota_bytes(self, owner: str) -> int | None:
        """The quota that the server itself knows; None: no such volume."""
        answer = await self._propfind(owner, self._admin, self._secret, _QUOTA)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers its administrator with {answer.status_code}")
        found = ET.fromstring(answer.content)  # noqa: S314  from our own server
        names = ("quota-used-bytes", "quota-available-bytes")
        return sum(int(found.findtext(f".//{{DAV:}}{name}") or 0) for name in names)

    async def _owner_gets_in(self, owner: str) -> bool:
        answer = await self._propfind(owner, owner, self._password(owner), _ANYTHING)
        if answer.status_code in _SHUT_OUT:
            return False
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers the owner with {answer.status_code}")
        return True

    async def _propfind(
        self, owner: str, user: str, password: str, content: bytes
    ) -> httpx.Response:
        path = f"/{quote(owner)}/"
        return await self._ask("PROPFIND", path, auth=(user, password), content=content)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        auth: tuple[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        busy = time.monotonic() < self._busy_until
        try:
            return await self._http.request(
                method,
                path,
                auth=auth or (self._admin, self._secret),
                content=content,
                headers={"Depth": "0"},
                timeout=BUSY_SECONDS if busy else httpx.USE_CLIENT_DEFAULT,
            )
        except httpx.TransportError as error:
            raise TargetAway(NAME, "does not answer") from error


async def _on_disk(do: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `do` answers, without blocking the loop; a disk that fails is a target that is away."""
    try:
        return await asyncio.to_thread(do, *arguments, **named)
    except OSError as error:
        raise TargetAway(NAME, f"volume files: {error.strerror}") from error
