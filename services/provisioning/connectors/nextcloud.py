"""Transfer storage on a Nextcloud, by its provisioning API (OCS): the volume of an account is a user with a quota."""

from collections.abc import Mapping
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from secrets import token_urlsafe
from typing import Any, Final

from pydantic import BaseModel

from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors.connector import TargetAway
from services.provisioning.connectors.rest_storage import RestStorage, object_in, path_of
from services.provisioning.domain.order import NEXTCLOUD, NOTHING_IN_FORCE

NAME: Final = NEXTCLOUD
_USERS: Final = "/ocs/v2.php/cloud/users"
HEADERS: Final = {"OCS-APIRequest": "true", "Accept": "application/json"}


def no_cookies() -> CookieJar:
    """Each call signs in anew: in a session Nextcloud asks for the password again after half an hour."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


class _Quota(BaseModel):
    quota: int


class _User(BaseModel):
    """What is read of a user. A quota below 0 is no limit."""

    enabled: bool
    quota: _Quota


class Nextcloud(RestStorage):
    """Sets the quota of a user and whether it is enabled, and reads them back by another call.

    Nextcloud has no largest file of a user, and rounds quotas: `order.goal` asks only for what it can hold. A user
    that is not there yet is made with a password that nobody knows.
    """

    name = NAME

    async def _user(self, account: str) -> dict[str, Any] | None:
        answer = await self._ask("GET", path_of(_USERS, account))
        ocs = _object(object_in(answer), "ocs")
        # 998, also with HTTP's 404: an address that it does not know, or a user that we may not see.
        if answer.status_code == _object(ocs, "meta").get("statuscode") == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.OK:
            raise TargetAway(NAME, f"answers {answer.status_code}")
        shown = _object(ocs, "data")
        self._require_owner(shown.get("id"), account)
        return shown

    def _in_force(self, user: Mapping[str, Any]) -> EffectiveStorage:
        shown = _User.model_validate(user)
        if not shown.enabled:
            return NOTHING_IN_FORCE.storage
        quota = shown.quota.quota if shown.quota.quota >= 0 else None
        return EffectiveStorage(enabled=True, quota_bytes=quota, max_file_size_bytes=None)

    async def _change(
        self, account: str, user: dict[str, Any] | None, desired: EffectiveStorage
    ) -> None:
        path = path_of(_USERS, account)
        quota = "none" if desired.quota_bytes is None else str(desired.quota_bytes)
        if not desired.enabled:
            await self._set("PUT", f"{path}/disable")
        elif user is None:
            # The end of the password is what Nextcloud's rules can ask for.
            new = {"userid": account.casefold(), "password": f"{token_urlsafe(32)}.Aa1"}
            await self._set("POST", _USERS, data=new | {"quota": quota})
        else:
            await self._set("PUT", path, data={"key": "quota", "value": quota})
            # Afterwards, so that nobody is let in with another quota.
            if not user["enabled"]:
                await self._set("PUT", f"{path}/enable")


def _object(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Empty, if it has none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}
