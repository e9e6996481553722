"""A connector of one's own: a storage that reads one JSON file for each account from a shared folder.

docs/connectors.md explains it. It fulfils `services.provisioning.connectors.connector.Connector`.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveStorage, PlannedChange
from services.provisioning.connectors.connector import (
    Answers,
    Calls,
    Reading,
    TargetAway,
    TargetRefused,
)
from services.provisioning.domain.order import NOTHING_IN_FORCE, changes

NAME = "folder"
AT_ONCE = 8
SAFE = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,199}")


class Folder:
    """Each account is asked about by itself: one account's failure is no other's."""

    name = NAME

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._calls = Calls(NAME, AT_ONCE)

    async def plan(
        self, desired: Mapping[str, EffectiveStorage]
    ) -> Answers[Sequence[PlannedChange]]:
        async def ask(account: str) -> Sequence[PlannedChange]:
            return changes("storage", await self._read(account), desired[account])

        return await self._calls.each(desired, ask)

    async def apply(self, desired: Mapping[str, EffectiveStorage]) -> Answers[None]:
        async def ask(account: str) -> None:
            file, text = self._file(account), desired[account].model_dump_json()
            await asyncio.to_thread(_replace, file, text)

        return await self._calls.each(desired, ask)

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveStorage]]:
        async def ask(account: str) -> Reading[EffectiveStorage]:
            return Reading(await self._read(account), self._clock())

        return await self._calls.each(accounts, ask)

    async def close(self) -> None:
        """There is no connection."""

    async def _read(self, account: str) -> EffectiveStorage:
        try:
            text = await asyncio.to_thread(_text, self._file(account))
            return EffectiveStorage.model_validate_json(text) if text else NOTHING_IN_FORCE.storage
        except ValidationError as error:
            raise TargetRefused("storage", "the account's file cannot be read") from error

    def _file(self, account: str) -> Path:
        if not SAFE.fullmatch(account.casefold()):
            raise TargetRefused("storage", "the account's name cannot be that of a file")
        return self._folder / f"{account.casefold()}.json"


def _text(file: Path) -> str:
    """Empty: no such account. A folder that is not there is no answer, and never an empty one."""
    try:
        next(file.parent.iterdir(), None)
        return file.read_text(encoding="utf-8") if file.exists() else ""
    except OSError as error:
        raise TargetAway(NAME, f"the folder: {error.strerror}") from error


def _replace(file: Path, text: str) -> None:
    """Whoever reads sees the file before or after, and nothing in between."""
    try:
        new = file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise TargetAway(NAME, f"the folder: {error.strerror}") from error
