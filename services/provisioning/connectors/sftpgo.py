"""Transfer storage on an SFTPGo server, by its REST API v2: the volume of an account is a user with a quota."""

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError

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

NAME: Final = "sftpgo"
CALLS_AT_ONCE: Final = 8


class _Filters(BaseModel):
    max_upload_file_size: int = 0


class _User(BaseModel):
    """What is read of a user. A size of 0 is no limit, a time of 0 (in milliseconds) no end."""

    username: str
    status: int
    expiration_date: int = 0
    quota_size: int = 0
    filters: _Filters = Field(default_factory=_Filters)


class Sftpgo:
    """Sets the quota, the largest upload and the status of a user, and reads them back by another call.

    SFTPGo has no version of a user, and a change replaces the whole user: so it is read, and sent back with the changes. What
    an administrator saves between these two calls is lost. A user that is not there yet is made without a password.
    """

    name = NAME

    def __init__(self, http: httpx.AsyncClient, clock: Clock, at_once: int = CALLS_AT_ONCE) -> None:
        """`http` has the base address, the API key and the timeout."""
        self._http = http
        self._clock = clock
        self._calls = Calls(NAME, at_once)

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

    async def _user(self, account: str) -> dict[str, Any] | None:
        """The user as SFTPGo shows it; None: SFTPGo itself says that there is none.

        Raises:
            TargetAway: no answer, an answer of something else, or our key is wrong.
            TargetRefused: the account's name is none of a user, or another user is shown.
        """
        answer = await self._ask("GET", _path(account))
        shown = _json(answer)
        if answer.status_code == HTTPStatus.NOT_FOUND and shown.get("error") == "Not Found":
            return None
        if answer.status_code != HTTPStatus.OK:
            raise TargetAway(NAME, f"answers {answer.status_code}")
        if str(shown.get("username")).casefold() != account.casefold():
            raise TargetRefused(
                "storage", "the storage answers for another volume", code="another_volume"
            )
        return shown

    def _effective(self, user: Mapping[str, Any] | None) -> EffectiveStorage:
        """Nothing, if the user is disabled or has expired.

        Raises:
            TargetAway: it is no user of SFTPGo.
        """
        if user is None:
            return NOTHING_IN_FORCE.storage
        try:
            shown = _User.model_validate(user)
        except ValidationError as error:
            raise TargetAway(NAME, "gives an answer that is not SFTPGo's") from error
        if shown.status != 1 or self._has_expired(shown):
            return NOTHING_IN_FORCE.storage
        return EffectiveStorage(
            enabled=True,
            quota_bytes=shown.quota_size or None,
            max_file_size_bytes=shown.filters.max_upload_file_size or None,
        )

    def _has_expired(self, user: _User) -> bool:
        return 0 < user.expiration_date <= self._clock().timestamp() * 1000

    async def _change(
        self, account: str, user: dict[str, Any] | None, desired: EffectiveStorage
    ) -> None:
        """Whoever is signed in goes on under the new limits, or not at all."""
        changed: dict[str, Any] = {"status": int(desired.enabled)}
        if desired.enabled:
            filters = {**((user or {}).get("filters") or {})}
            filters["max_upload_file_size"] = desired.max_file_size_bytes
            changed |= {"quota_size": desired.quota_bytes, "filters": filters}
            if user and self._has_expired(_User.model_validate(user)):
                changed["expiration_date"] = 0
        if user is None:
            new = {"username": account.casefold(), "permissions": {"/": ["*"]}, **changed}
            answer = await self._ask("POST", "/api/v2/users", new)
        else:
            answer = await self._ask("PUT", f"{_path(account)}?disconnect=1", user | changed)
        status = answer.status_code
        if status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
            raise TargetConflict("storage", f"the storage refuses with {status}")
        if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
            # Its words name the account.
            raise TargetRefused("storage", f"the storage refuses with {status}")
        if not answer.is_success:
            raise TargetAway(NAME, f"answers {status}")

    async def _ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=content)
        except httpx.TransportError as error:
            raise TargetAway(NAME, "does not answer") from error


def _path(account: str) -> str:
    """The user's, in small letters.

    Raises:
        TargetRefused: SFTPGo would make another folder of this name.
    """
    if not SAFE.fullmatch(account):
        raise TargetRefused(
            "storage",
            "the account's name cannot be that of a volume",
            code="not_a_volume",
            retryable=False,
        )
    return f"/api/v2/users/{quote(account.casefold(), safe='')}"


def _json(answer: httpx.Response) -> dict[str, Any]:
    """The answer's object; empty: it is none."""
    try:
        shown = answer.json()
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}
