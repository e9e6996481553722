"""What the storages have in common whose volumes are users of a server with a REST API."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveStorage, PlannedChange
from services.provisioning.connectors.connector import (
    Answers,
    Calls,
    Reading,
    TargetAway,
    TargetConflict,
    TargetRefused,
)
from services.provisioning.connectors.volume_files import SAFE
from services.provisioning.domain.order import NOTHING_IN_FORCE, changes

CALLS_AT_ONCE: Final = 8


class RestStorage(ABC):
    """Reads a user before each change, and changes only what differs."""

    name: str

    def __init__(self, http: httpx.AsyncClient, clock: Clock, at_once: int = CALLS_AT_ONCE) -> None:
        """`http` has the base address, the credentials and the timeout."""
        self._http = http
        self._clock = clock
        self._calls = Calls(self.name, at_once)

    async def plan(
        self, desired: Mapping[str, EffectiveStorage]
    ) -> Answers[Sequence[PlannedChange]]:
        async def ask(account: str) -> Sequence[PlannedChange]:
            return changes("storage", self._effective(await self._user(account)), desired[account])

        return await self._calls.each(desired, ask)

    async def apply(self, desired: Mapping[str, EffectiveStorage]) -> Answers[None]:
        async def ask(account: str) -> None:
            user = await self._user(account)
            if self._effective(user) != desired[account]:
                await self._change(account, user, desired[account])

        return await self._calls.each(desired, ask)

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveStorage]]:
        async def ask(account: str) -> Reading[EffectiveStorage]:
            return Reading(self._effective(await self._user(account)), self._clock())

        return await self._calls.each(accounts, ask)

    async def close(self) -> None:
        await self._http.aclose()

    @abstractmethod
    async def _user(self, account: str) -> dict[str, Any] | None:
        """The user as the server shows it; None: the server itself says that there is none.

        Raises:
            TargetAway: no answer, an answer of something else, or our credentials are wrong.
            TargetRefused: the account's name is none of a user, or another user is shown.
        """

    @abstractmethod
    def _in_force(self, user: Mapping[str, Any]) -> EffectiveStorage:
        """Nothing, if the user is disabled.

        Raises:
            ValidationError: it is no user of such a server.
        """

    @abstractmethod
    async def _change(
        self, account: str, user: dict[str, Any] | None, desired: EffectiveStorage
    ) -> None:
        """Bring this about, where it is not what `user` has; None: a user is to be made."""

    def _effective(self, user: Mapping[str, Any] | None) -> EffectiveStorage:
        if user is None:
            return NOTHING_IN_FORCE.storage
        try:
            return self._in_force(user)
        except ValidationError as error:
            raise TargetAway(self.name, "gives an answer that is no user of its own") from error

    async def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **content)
        except httpx.TransportError as error:
            raise TargetAway(self.name, "does not answer") from error

    async def _set(self, method: str, path: str, **content: Any) -> None:
        answer = await self._ask(method, path, **content)
        status = answer.status_code
        if status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
            raise TargetConflict("storage", f"the storage refuses with {status}")
        if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
            # Its words name the account.
            raise TargetRefused("storage", f"the storage refuses with {status}")
        if not answer.is_success:
            raise TargetAway(self.name, f"answers {status}")

    def _require_owner(self, shown: object, account: str) -> None:
        if str(shown).casefold() != account.casefold():
            raise TargetRefused(
                "storage", "the storage answers for another volume", code="another_volume"
            )


def path_of(users: str, account: str) -> str:
    """The user's, in small letters.

    Raises:
        TargetRefused: the server would make another folder of this name.
    """
    if not SAFE.fullmatch(account):
        raise TargetRefused(
            "storage",
            "the account's name cannot be that of a volume",
            code="not_a_volume",
            retryable=False,
        )
    return f"{users}/{quote(account.casefold(), safe='')}"


def object_in(answer: httpx.Response) -> dict[str, Any]:
    """The answer's object; empty: it is none."""
    try:
        shown = answer.json()
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}
