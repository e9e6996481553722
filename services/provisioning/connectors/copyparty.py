"""Transfer storage on a copyparty server: the volume of an account is a folder with a quota."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, ParamSpec, TypeVar
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import httpx

from bmt.chassis import crash_points
from bmt.chassis.runtime.background import Batcher
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveStorage, PlannedChange
from services.provisioning.connectors.connector import (
    Answers,
    Calls,
    Failure,
    Reading,
    TargetAway,
    TargetRefused,
    Unsettled,
)
from services.provisioning.connectors.volume_files import SAFE, Volume, VolumeFiles, volume_text
from services.provisioning.domain.order import changes

NAME: Final = "copyparty"
BUSY_SECONDS: Final = 4.0
"""How long the server is busy after a reload, and may take to answer.

A reload takes 25 ms with one volume, 0.4 s with 200, 3 s with 600 (measured). Then the server scans new volumes,
and reports no quota meanwhile, so slow answers are no outage.
"""

RELOAD_SECONDS: Final = 60.0
"""How long a reload may take.

The server finishes every reload, even one that nobody waits for, before it begins the next. Repeated requests
would keep it busy for ever.
"""

_QUOTA: Final = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    b"<quota-used-bytes/></prop></propfind>"
)
_SHUT_OUT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class CopypartyServer:
    """A client of the server, as its administrator and as the owner of a volume."""

    def __init__(self, http: httpx.AsyncClient, admin: str, secret: str) -> None:
        """`http` has the base address and the timeout; `secret` is the administrator's password."""
        self.admin = admin
        self.secret = secret
        self._http = http
        self._busy_until = 0.0

    async def reload(self) -> bool:
        """Reload the configuration; False: the server refuses it, and keeps the former one.

        Raises:
            TargetAway: it does not answer, as in every method here.
        """
        self._busy_until = time.monotonic() + RELOAD_SECONDS
        try:
            answer = await self._ask("GET", "/?reload=cfg", seconds=RELOAD_SECONDS)
        finally:
            self._busy_until = time.monotonic() + BUSY_SECONDS
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            return False
        if not answer.is_success:
            raise TargetAway(NAME, f"answers a reload with {answer.status_code}")
        return True

    async def quota_bytes(self, owner: str) -> int | None:
        """The quota as the server computes it; None: there is no such volume."""
        answer = await self._propfind(owner, self.admin, self.secret, _QUOTA)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers its administrator with {answer.status_code}")
        return _quota(self._of_volume(owner, answer)) or 0

    async def shown_to_owner(self, owner: str, password: str) -> tuple[bool, int | None]:
        """Whether the owner has access, and the quota that the server reports to the owner, if any."""
        answer = await self._propfind(owner, owner, password, _QUOTA)
        if answer.status_code in _SHUT_OUT:
            return False, None
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers the owner with {answer.status_code}")
        return True, _quota(self._of_volume(owner, answer))

    def _of_volume(self, owner: str, answer: httpx.Response) -> ET.Element:
        """The answer's element for this volume (RFC 4918, 14.24).

        Raises:
            TargetAway: it is no WebDAV.
            TargetRefused: it is about another volume, or about none.
        """
        try:
            document = ET.fromstring(answer.content)  # noqa: S314  from our own server
        except ET.ParseError as error:
            raise TargetAway(NAME, "gives an answer that is not WebDAV") from error
        if document.tag != "{DAV:}multistatus":
            raise TargetAway(NAME, "gives an answer that is not WebDAV")
        base = self._http.base_url.path.rstrip("/")
        responses = document.findall("{DAV:}response")
        hrefs = [one.findtext("{DAV:}href") or "" for one in responses]
        paths = [unquote(urlsplit(href).path).rstrip("/") for href in hrefs]
        if len(paths) != 1 or paths[0] not in {f"/{owner}", f"{base}/{owner}"}:
            raise TargetRefused(
                "storage", "the storage answers for another volume", code="another_volume"
            )
        return responses[0]

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
        seconds: float = BUSY_SECONDS,
    ) -> httpx.Response:
        busy = time.monotonic() < self._busy_until
        try:
            return await self._http.request(
                method,
                path,
                auth=auth or (self.admin, self.secret),
                content=content,
                headers={"Depth": "0"},
                timeout=seconds if busy else httpx.USE_CLIENT_DEFAULT,
            )
        except httpx.TransportError as error:
            raise TargetAway(NAME, "does not answer") from error

    async def close(self) -> None:
        await self._http.aclose()


def _quota(volume: ET.Element) -> int | None:
    """Used and available bytes together (RFC 4331); None if neither is reported.

    Raises:
        TargetAway: a size is no number.
    """
    names = ("quota-used-bytes", "quota-available-bytes")
    sizes = [size for name in names if (size := volume.findtext(f".//{{DAV:}}{name}"))]
    if not all(size.isascii() and size.isdigit() for size in sizes):
        raise TargetAway(NAME, "tells a quota that is no number")
    return sum(int(size) for size in sizes) if sizes else None


P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS: Final = 10.0
"""How long one change waits for a reload; the reload continues without it."""

CALLS_AT_ONCE: Final = 8
LOOK_AT_LOCK_SECONDS: Final = 0.05
"""While another process reloads volumes."""

_PASSWORD_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class _Write:
    """The new text of a volume's file; None: the file is right, and must only be loaded."""

    owner: str
    text: str | None


class Copyparty:
    """Opens and closes volumes by their files, and reads them back over WebDAV as administrator and owner.

    The proofs: the quota is the sum that the server computes (used + available). Access is tried as the owner, and
    the same answer has the quota. The largest file could only be read back by an upload that is refused, which would
    leave a file if it were not; so it is read from the volume's file, once the server has loaded that.
    """

    name = NAME

    def __init__(
        self,
        http: httpx.AsyncClient,
        files: VolumeFiles,
        admin: str,
        secret: str,
        clock: Clock,
        at_once: int = CALLS_AT_ONCE,
    ) -> None:
        """As of `CopypartyServer`."""
        self._server = CopypartyServer(http, admin, secret)
        self._files = files
        self._clock = clock
        # One reload at a time, for all volumes that changed since the last one began.
        self._changes: Batcher[_Write, TargetRefused | None] = Batcher(self._change)
        self._calls = Calls(NAME, at_once)
        self._rested_at = 0.0

    async def plan(
        self, desired: Mapping[str, EffectiveStorage]
    ) -> Answers[Sequence[PlannedChange]]:
        volumes, answers = await self._look(desired)
        settled = {one: volume for one, volume in volumes.items() if not volume.owes_reload}
        shown = await self._shown(settled)
        return {
            **answers,
            **{account: Unsettled(NAME) for account in volumes},
            **{account: _planned(shown[account], desired[account]) for account in settled},
        }

    async def apply(self, desired: Mapping[str, EffectiveStorage]) -> Answers[None]:
        """Write the files, then reload once."""
        volumes, answers = await self._look(desired)
        admin = self._server.admin
        texts = {
            account: volume_text(one.owner, self._password(one.owner), admin, desired[account])
            for account, one in volumes.items()
        }
        writes = {one: _Write(volumes[one].owner, text) for one, text in texts.items()}
        return {**answers, **await self._have_loaded(writes)}

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveStorage]]:
        """Read the volumes back; files that a crash left unloaded are loaded first."""
        volumes, answers = await self._look(accounts)
        owed = {one: _Write(each.owner, None) for one, each in volumes.items() if each.owes_reload}
        failed = {
            account: failure
            for account, failure in (await self._have_loaded(owed)).items()
            if failure is not None
        }
        if owed:
            volumes = {**volumes, **(await self._look(owed))[0]}
        settled = {one: volume for one, volume in volumes.items() if one not in failed}
        return {**answers, **failed, **await self._shown(settled)}

    async def close(self) -> None:
        """Finish the changes under way, unless the server is silent, and close the connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BUSY_SECONDS):
                await self._changes.close()
        await self._server.close()

    async def _shown(self, volumes: Mapping[str, Volume]) -> Answers[Reading[EffectiveStorage]]:
        async def ask(account: str) -> Reading[EffectiveStorage]:
            volume = volumes[account]
            granted, enabled = await self._in_force(volume)
            effective = EffectiveStorage(
                enabled=enabled,
                quota_bytes=granted,
                max_file_size_bytes=volume.largest_file_bytes,
            )
            return Reading(effective, self._clock())

        return await self._calls.each(volumes, ask)

    async def _in_force(self, volume: Volume) -> tuple[int | None, bool]:
        """The quota, and whether the owner has access; one call shows both for an open volume."""
        owner, password = volume.owner, self._password(volume.owner)
        if volume.largest_file_bytes is not None:
            enters, granted = await self._server.shown_to_owner(owner, password)
            if granted is None:
                granted = await self._server.quota_bytes(owner)
            return granted, enters and granted is not None
        granted = await self._server.quota_bytes(owner)
        if granted is None:
            return None, False
        enters, _ = await self._server.shown_to_owner(owner, password)
        return granted, enters

    async def _look(
        self, accounts: Collection[str]
    ) -> tuple[Mapping[str, Volume], Mapping[str, Failure]]:
        """The volumes of the accounts, and the failures of the others: unsafe names get no file."""
        safe = [
            account
            for account in accounts
            if SAFE.fullmatch(account) and account.casefold() != self._server.admin.casefold()
        ]
        answers: dict[str, Failure] = {
            account: TargetRefused(
                "storage",
                "the account's name cannot be that of a volume",
                code="not_a_volume",
                retryable=False,
            )
            for account in accounts
        }
        try:
            volumes = await _on_disk(self._files.look, safe)
        except TargetAway as away:
            return {}, answers | dict.fromkeys(safe, away)
        return volumes, {one: why for one, why in answers.items() if one not in volumes}

    def _password(self, owner: str) -> str:
        digest = hmac.new(self._server.secret.encode(), owner.encode(), hashlib.sha256).hexdigest()
        return digest[:_PASSWORD_LENGTH]

    async def _have_loaded(self, writes: Mapping[str, _Write]) -> Answers[None]:
        """Load these files together with all that wait; after the time limit, try later."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                results = await self._changes.submit(list(writes.values()))
        except TimeoutError:
            return dict.fromkeys(writes, TargetAway(NAME, "is still reading its configuration"))
        except TargetAway as away:
            return dict.fromkeys(writes, away)
        return dict(zip(writes, results, strict=True))

    async def _change(self, writes: Sequence[_Write]) -> Sequence[TargetRefused | None]:
        """Write these files and load them, under the lock against other processes."""
        while (lock := await _on_disk(self._files.lock)) is None:  # noqa: ASYNC110  another process
            await asyncio.sleep(LOOK_AT_LOCK_SECONDS)
        try:
            return await self._replaced(writes)
        finally:
            self._files.unlock(lock)

    async def _replaced(self, writes: Sequence[_Write]) -> Sequence[TargetRefused | None]:
        """If the server refuses, restore the files and try in halves."""
        owners = {write.owner for write in writes}
        texts = {write.owner: write.text for write in writes if write.text is not None}
        former = await _on_disk(self._files.replace, texts) if texts else {}
        crash_points.reached("provisioning.copyparty.written")
        if await self._load(owners):
            return [None] * len(writes)
        if former:
            await _on_disk(self._files.replace, former)
        crash_points.reached("provisioning.copyparty.put_back")
        if not (former and await self._load(owners)):
            # A crash, of whichever process, may have left a refused file behind.
            behind = await _on_disk(self._files.put_back)
            if not await self._load({*owners, *behind}):
                raise TargetAway(NAME, "refuses its configuration as it was before")
            if set(behind) - owners:
                return await self._replaced(writes)
        if len(writes) > 1:
            half = len(writes) // 2
            return [*await self._replaced(writes[:half]), *await self._replaced(writes[half:])]
        return [
            TargetRefused(
                "storage",
                "the storage refuses the volume's configuration",
                code="volume_refused",
            )
        ]

    async def _load(self, owners: Collection[str]) -> bool:
        """Reload the configuration; False: the server refuses it, and keeps the former one."""
        # Wait as long as the last reload took, so that changes are batched.
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
        await _on_disk(self._files.in_force, owners)
        return True


def _planned(
    shown: Reading[EffectiveStorage] | Failure, desired: EffectiveStorage
) -> Sequence[PlannedChange] | Failure:
    return changes("storage", shown.effective, desired) if isinstance(shown, Reading) else shown


async def _on_disk(do: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """The result of `do`, in a thread; a disk error means that the target is unreachable."""
    try:
        return await asyncio.to_thread(do, *arguments, **named)
    except OSError as error:
        raise TargetAway(NAME, f"volume files: {error.strerror}") from error
