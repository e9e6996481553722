"""Transfer storage on an SFTPGo server, by its REST API v2: the volume of an account is a user with a quota."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field

from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors.connector import TargetAway
from services.provisioning.connectors.rest_storage import RestStorage, object_in, path_of
from services.provisioning.domain.order import NOTHING_IN_FORCE

NAME: Final = "sftpgo"
_USERS: Final = "/api/v2/users"


class _Filters(BaseModel):
    max_upload_file_size: int = 0


class _User(BaseModel):
    """What is read of a user. A size of 0 is no limit, a time of 0 (in milliseconds) no end."""

    username: str
    status: int
    expiration_date: int = 0
    quota_size: int = 0
    filters: _Filters = Field(default_factory=_Filters)


class Sftpgo(RestStorage):
    """Sets the quota, the largest upload and the status of a user, and reads them back by another call.

    SFTPGo has no version of a user, and a change replaces the whole user: so it is read, and sent back with the changes. What
    an administrator saves between these two calls is lost. A user that is not there yet is made without a password.
    """

    name = NAME

    async def _user(self, account: str) -> dict[str, Any] | None:
        answer = await self._ask("GET", path_of(_USERS, account))
        shown = object_in(answer)
        if answer.status_code == HTTPStatus.NOT_FOUND and shown.get("error") == "Not Found":
            return None
        if answer.status_code != HTTPStatus.OK:
            raise TargetAway(NAME, f"answers {answer.status_code}")
        self._require_owner(shown.get("username"), account)
        return shown

    def _in_force(self, user: Mapping[str, Any]) -> EffectiveStorage:
        """Nothing also if the user has expired."""
        shown = _User.model_validate(user)
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
            await self._set("POST", _USERS, json=new)
        else:
            path = f"{path_of(_USERS, account)}?disconnect=1"
            await self._set("PUT", path, json=user | changed)
