"""The accounts of the directory (SCIM 2.0, RFC 7643 and 7644): a snapshot that is at most 60 s old.

Requests need no call before their answer. A snapshot that would lead to a warning is checked by a live
look-up if that is quick: an account that was added a second ago does not count as unregistered.

A few attributes of every account are read every few seconds. Parsing JSON into a small model takes a tenth
of the time of full SCIM resources, and keeps the event loop free.
"""

import asyncio
import json
import re
import time
from collections import Counter as Counts
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, cast

import httpx
import structlog
from prometheus_client import Counter, Gauge
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime.background import backoff
from bmt.contracts.events import Configured
from bmt.contracts.values import Name
from services.intake.domain.submission import AccountStatus

log = structlog.get_logger(__name__)

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PAGE: Final = 200
CONNECTOR: Final = "directory"

LeftOut = Literal["unreadable", "ambiguous", "missing"]
"""Why a record is not in the snapshot: unreadable, of a userName that another has too, or not shown."""

_ATTRIBUTES: Final = ",".join(
    (
        *("userName", "active", "emails", f"{EXTENSION}:bmtEnabled"),
        *(f"{ENTERPRISE}:{unit}" for unit in ("organization", "department", "division")),
    )
)


_WITH_NAME: Final = f"{_ATTRIBUTES},displayName,name.formatted"


_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
_NAMES: Final = {
    name.casefold(): name
    for name in (
        *("totalResults", "Resources", "id", "userName", "active", "emails", "value", "primary"),
        *("bmtEnabled", "organization", "department", "division", EXTENSION, ENTERPRISE),
        *("displayName", "name", "formatted"),
    )
}
"""The attributes that are read, by lower-case name: attribute names are not case-exact (RFC 7643, 2.1)."""
_WRITTEN_OTHERWISE: Final = re.compile(
    rb'"(?!(?:%(names)s)")(?:(?i:%(names)s)|(?i:%(urns)s):\w+)"\s*:'
    % {
        b"names": "|".join(map(re.escape, _NAMES.values())).encode(),
        b"urns": "|".join(map(re.escape, (_CORE, EXTENSION, ENTERPRISE))).encode(),
    }
)
"""One of our attributes in another case, or after its schema's URN (RFC 7644, 3.10)."""


class DirectoryUnavailable(Unavailable):
    """The directory did not answer, or did not answer in SCIM."""

    def __init__(self) -> None:
        super().__init__("directory")


class DirectoryUnclear(DirectoryUnavailable):
    """The directory's answer does not identify the account; it may identify others."""


class _Service(BaseModel):
    enabled: Annotated[bool | None, Field(alias="bmtEnabled")] = None


_NAME: Final[TypeAdapter[str]] = TypeAdapter(Name)


class _Email(BaseModel):
    value: str | None = None
    primary: bool | None = None


class _Office(BaseModel):
    """Where an account's owner serves (RFC 7643, 4.3)."""

    organization: str | None = None
    department: str | None = None
    division: str | None = None


class _User(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str | None = None
    user_name: Annotated[str, Field(alias="userName", min_length=1)]
    active: bool | None = None
    service: Annotated[_Service | None, Field(alias=EXTENSION)] = None
    emails: tuple[_Email, ...] | None = None
    office: Annotated[_Office | None, Field(alias=ENTERPRISE)] = None
    display_name: Annotated[object, Field(alias="displayName")] = None
    person: Annotated[object, Field(alias="name")] = None

    @property
    def name(self) -> str | None:
        """Their owner's name, as it is shown; None where there is none that can be shown."""
        formatted = self.person.get("formatted") if isinstance(self.person, dict) else None
        for one in (self.display_name, formatted):
            with suppress(ValidationError):
                return _NAME.validate_python(one)
        return None

    @property
    def standing(self) -> AccountStatus:
        """An account that does not state that it is active is not serving."""
        enabled = self.service is not None and self.service.enabled is True
        emails = sorted(self.emails or (), key=lambda email: email.primary is not True)
        units = vars(self.office).values() if self.office else ()
        return AccountStatus(
            registered=True,
            serving=self.active is True,
            enabled=enabled,
            emails=tuple(email.value for email in emails if email.value),
            organisations=tuple(unit for unit in units if unit),
        )


class _Answer(BaseModel):
    """A ListResponse; a record that is no readable user stays as it is."""

    total: Annotated[int, Field(alias="totalResults")]
    records: Annotated[
        tuple[Annotated[_User | Any, Field(union_mode="left_to_right")], ...] | None,
        Field(alias="Resources"),
    ] = None

    @property
    def size(self) -> int:
        return len(self.records or ())

    @property
    def users(self) -> list[_User]:
        return [one for one in self.records or () if type(one) is _User]

    @property
    def unreadable(self) -> set[str]:
        others = (one for one in self.records or () if type(one) is not _User)
        return {json.dumps(one, sort_keys=True) for one in others}


def _answer(content: bytes) -> _Answer:
    """The answer, with our attribute names.

    Raises:
        ValidationError: it is no ListResponse.
    """
    if _WRITTEN_OTHERWISE.search(content):
        return _Answer.model_validate(_canonical(TypeAdapter(Any).validate_json(content)))
    return _Answer.model_validate_json(content)


def _canonical(value: object) -> object:
    if isinstance(value, list):
        return [_canonical(one) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for written, inner in cast("dict[str, object]", value).items():
        schema, _, attribute = written.rpartition(":")
        known, name = _NAMES.get(schema.casefold()), _NAMES.get(attribute.casefold(), attribute)
        if known is not None:
            service = found.setdefault(known, {})
            if isinstance(service, dict):
                service[name] = _canonical(inner)
        elif schema.casefold() == _CORE.casefold():
            found[name] = _canonical(inner)
        else:
            found[_NAMES.get(written.casefold(), written)] = _canonical(inner)
    return found


class _Census:
    """The accounts of all pages."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str | None], AccountStatus] = {}
        self._unreadable: set[str] = set()

    @property
    def size(self) -> int:
        """The number of records, including those that are left out."""
        return len(self._records) + len(self._unreadable)

    def take(self, page: _Answer) -> bool:
        """Add a page; True if it has any new record. A repeated record replaces the former one."""
        before = self.size
        self._records |= {(u.user_name.casefold(), u.id): u.standing for u in page.users}
        self._unreadable |= page.unreadable
        return self.size > before

    def accounts(self) -> dict[str, AccountStatus]:
        """The accounts by name, without names that several accounts share."""
        counted = Counts(name for name, _ in self._records)
        return {
            name: standing for (name, _), standing in self._records.items() if counted[name] == 1
        }

    def left_out(self, total: int) -> dict[LeftOut, int]:
        """The number of records that `accounts` lacks, of `total` that the server counts."""
        ambiguous = len(self._records) - len(self.accounts())
        return {
            "unreadable": len(self._unreadable),
            "ambiguous": ambiguous,
            "missing": max(0, total - self.size),
        }


@dataclass(frozen=True, slots=True)
class Owner:
    """An account with its holder's name; None: the directory has none."""

    standing: AccountStatus
    name: str | None = None


@dataclass(slots=True)
class ScimDirectory:
    """The accounts of one server, by lower-case userName (RFC 7643: it is not case-exact).

    Attributes:
        client: has the server's base address and token.
        left_out: has the label `reason`.
        note: called after each call with whether the server answered.
    """

    client: httpx.AsyncClient
    calls: Counter
    left_out: Gauge
    note: Callable[[bool], None] = lambda _: None
    _left_out: dict[LeftOut, int] = field(default_factory=dict)

    async def everybody(self) -> dict[str, AccountStatus]:
        """All accounts, page by page, without ambiguous and unreadable records.

        Raises:
            DirectoryUnavailable: not all could be read.
        """
        census = _Census()
        shown = 0
        while True:
            page = await self._query("list", startIndex=shown + 1, count=PAGE)
            shown += page.size
            # Do not trust a server that shows more than it counts, or repeats a page.
            if not census.take(page) or shown == page.total:
                break
        if census.size == 0 and page.total > 0:
            raise DirectoryUnavailable
        self._report(census.left_out(page.total))
        return census.accounts()

    async def look_up(self, account: str) -> AccountStatus:
        """One account, as it is now; raises as `owner`."""
        return (await self.owner(account, _ATTRIBUTES)).standing

    async def owner(self, account: str, attributes: str = _WITH_NAME) -> Owner:
        """One account, as it is now, with its holder's name.

        Raises:
            DirectoryUnavailable: it could not be read.
            DirectoryUnclear: the answer does not identify it.
        """
        quoted = account.replace("\\", "\\\\").replace('"', '\\"')
        answer = await self._query(
            "look_up", attributes=attributes, filter=f'userName eq "{quoted}"'
        )
        named = {u.id: u for u in answer.users if u.user_name.casefold() == account.casefold()}
        if len(named) == 1:
            user = named.popitem()[1]
            return Owner(user.standing, user.name)
        if named or answer.size or answer.total > 0:
            # Several accounts of the name, other accounts, or fewer than counted: the answer does not identify it.
            raise DirectoryUnclear
        return Owner(AccountStatus(registered=False))

    async def close(self) -> None:
        await self.client.aclose()

    def _report(self, left_out: dict[LeftOut, int]) -> None:
        for reason, records in left_out.items():
            self.left_out.labels(reason).set(records)
        if left_out != self._left_out and any(left_out.values()):
            log.warning("directory_records_left_out", **left_out)
        self._left_out = left_out

    async def _query(self, operation: str, **parameters: str | int) -> _Answer:
        try:
            answer = await self.client.get(
                "Users", params={"attributes": _ATTRIBUTES, **parameters}
            )
            answer.raise_for_status()
            found = _answer(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            self.calls.labels(CONNECTOR, operation, "failed").inc()
            self.note(False)  # noqa: FBT003  its only argument
            raise DirectoryUnavailable from error
        self.calls.labels(CONNECTOR, operation, "done").inc()
        self.note(True)  # noqa: FBT003  as above
        return found


OLDEST_SECONDS: Final = 60.0
LOOK_UP_SECONDS: Final = 1.0
AT_ONCE: Final = 4
"""Concurrent live look-ups."""
REST_SECONDS: Final = 0.05
"""The pause of a slot after each look-up: at most 80 look-ups a second."""
MOST_WAITING: Final = 20
"""Calls that may wait for a look-up, for a quarter of a second at most; others get the snapshot's answer."""
PAUSE_SECONDS: Final = 2.0
"""The time without look-ups after one failed."""
FIRST_RETRY_SECONDS: Final = 0.5


@dataclass(slots=True)
class Directory:
    """Answers from the newest snapshot, and looks accounts up live when in doubt."""

    source: ScimDirectory
    refresh_seconds: float
    monotonic: Callable[[], float] = time.monotonic
    _accounts: dict[str, AccountStatus] = field(default_factory=dict)
    _taken_at: float = float("-inf")
    _doubted: dict[str, float] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0
    _paused_until: float = float("-inf")

    async def run(self) -> None:
        """Refresh the snapshot until cancelled; an unreachable directory is soon tried again."""
        failures, longest = 0, self.refresh_seconds
        while True:
            first = longest
            try:
                await self.refresh()
                failures = 0
            except DirectoryUnavailable:
                failures += 1
                log.warning("directory_away", failures=failures)
                first = FIRST_RETRY_SECONDS
            least = 0.8 * min(first, longest)
            await asyncio.sleep(backoff(failures, first=first, longest=longest, least=least))

    async def refresh(self) -> None:
        """Read all accounts anew.

        Raises:
            DirectoryUnavailable: the old snapshot stays, and ages.
        """
        began = self.monotonic()
        self._accounts = await self.source.everybody()
        self._taken_at = began
        self._doubted = {name: at for name, at in self._doubted.items() if at >= began}
        self._paused_until = float("-inf")

    def doubt(self, account: str) -> None:
        """Look the account up until the next snapshot, because it was just changed."""
        self._doubted[account.casefold()] = self.monotonic()

    @property
    def paused(self) -> bool:
        """Whether look-ups are paused because one failed."""
        return self.monotonic() < self._paused_until

    async def standing(
        self, account: str, is_fine: Callable[[AccountStatus], bool]
    ) -> AccountStatus | None:
        """The status of `account` (in any case); None if the directory cannot be reached.

        `is_fine` decides which status needs no live look-up.
        """
        name = account.casefold()
        fresh = self.monotonic() - self._taken_at <= OLDEST_SECONDS
        held = self._accounts.get(name, AccountStatus(registered=False)) if fresh else None
        if held is not None and name not in self._doubted and is_fine(held):
            return held
        if self.paused or (held is not None and self._waiting >= MOST_WAITING):
            return held
        return await self._look_up(name, otherwise=held)

    async def owner(self, account: str) -> Owner:
        """An account with its holder's name, looked up now.

        Raises:
            DirectoryUnavailable: the directory does not answer, or not clearly.
        """
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS), self._slot():
                return await self.source.owner(account)
        except TimeoutError:
            raise DirectoryUnavailable from None

    async def _look_up(self, name: str, otherwise: AccountStatus | None) -> AccountStatus | None:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS), self._slot():
                return otherwise if self.paused else await self.source.look_up(name)
        except DirectoryUnclear:
            # An account whose record was left out of the snapshot may exist all the same.
            return self._accounts.get(name) if otherwise else None
        except (DirectoryUnavailable, TimeoutError):
            self._paused_until = self.monotonic() + PAUSE_SECONDS
            return otherwise

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(REST_SECONDS, self._slots.release)


@dataclass(frozen=True, slots=True)
class DirectoryInvalidation:
    """Consumes `Configured`. A replica that does not consume it learns of the change by its next snapshot."""

    directory: Directory

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        for event in incoming:
            if isinstance(event.data, Configured):
                self.directory.doubt(event.data.request.applicant.account)
