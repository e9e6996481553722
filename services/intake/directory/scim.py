"""Reading accounts of a SCIM 2.0 server (RFC 7643, 7644).

Only a few attributes are read, of every account, every few seconds: plain JSON into a small model
takes a tenth of the time that full SCIM resources take, and the event loop has requests to answer.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

import httpx
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bmt.chassis.errors import Unavailable
from services.intake.domain.submission import Standing

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PAGE: Final = 200
CONNECTOR: Final = "directory"

_ATTRIBUTES: Final = ",".join(
    (
        *("userName", "active", "emails", f"{EXTENSION}:bmtEnabled"),
        *(f"{ENTERPRISE}:{unit}" for unit in ("organization", "department", "division")),
    )
)


class DirectoryUnavailable(Unavailable):
    """The directory did not answer, or not with what SCIM promises."""

    def __init__(self) -> None:
        super().__init__("directory")


class _Service(BaseModel):
    model_config = ConfigDict(extra="ignore")
    enabled: Annotated[bool | None, Field(alias="bmtEnabled")] = None


class _Email(BaseModel):
    model_config = ConfigDict(extra="ignore")
    value: str | None = None
    primary: bool | None = None


class _Office(BaseModel):
    """Where somebody serves (RFC 7643, 4.3)."""

    model_config = ConfigDict(extra="ignore")
    organization: str | None = None
    department: str | None = None
    division: str | None = None


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    user_name: Annotated[str, Field(alias="userName")]
    active: bool | None = None
    service: Annotated[_Service | None, Field(alias=EXTENSION)] = None
    emails: tuple[_Email, ...] | None = None
    office: Annotated[_Office | None, Field(alias=ENTERPRISE)] = None

    @property
    def standing(self) -> Standing:
        """An account that does not say that it is active is not serving."""
        enabled = self.service is not None and self.service.enabled is True
        emails = sorted(self.emails or (), key=lambda email: email.primary is not True)
        units = vars(self.office).values() if self.office else ()
        return Standing(
            registered=True,
            serving=self.active is True,
            enabled=enabled,
            emails=tuple(email.value for email in emails if email.value),
            organisations=tuple(unit for unit in units if unit),
        )


class _List(BaseModel):
    model_config = ConfigDict(extra="ignore")
    total: Annotated[int, Field(alias="totalResults")]
    users: Annotated[tuple[_User, ...], Field(alias="Resources")] = ()


class ScimDirectory:
    """The accounts of one server, by userName in lower case (RFC 7643: it is not case-exact)."""

    def __init__(self, client: httpx.AsyncClient, calls: Counter) -> None:
        """`client` has the server's base address and token; `calls` has the labels of the contract."""
        self._client = client
        self._calls = calls

    async def everybody(self) -> dict[str, Standing]:
        """All accounts, page by page.

        Raises:
            DirectoryUnavailable: not all could be read.
        """
        found: dict[str, Standing] = {}
        async for users in self._pages():
            found |= {user.user_name.casefold(): user.standing for user in users}
        return found

    async def look_up(self, account: str) -> Standing:
        """One account, as it is now.

        Raises:
            DirectoryUnavailable: it could not be read.
        """
        quoted = account.replace("\\", "\\\\").replace('"', '\\"')
        answer = await self._query("look_up", filter=f'userName eq "{quoted}"')
        named = [u for u in answer.users if u.user_name.casefold() == account.casefold()]
        return named[0].standing if named else Standing(registered=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _pages(self) -> AsyncIterator[Sequence[_User]]:
        start = 1
        while True:
            answer = await self._query("list", startIndex=start, count=PAGE)
            yield answer.users
            start += len(answer.users)
            if not answer.users or start > answer.total:
                return

    async def _query(self, operation: str, **parameters: str | int) -> _List:
        try:
            answer = await self._client.get(
                "Users", params={"attributes": _ATTRIBUTES, **parameters}
            )
            answer.raise_for_status()
            found = _List.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            self._calls.labels(CONNECTOR, operation, "failed").inc()
            raise DirectoryUnavailable from error
        self._calls.labels(CONNECTOR, operation, "done").inc()
        return found
