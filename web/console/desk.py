"""What all worklists share: tabs with counts, filters and order in the address, the list as a file, and assignment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.bodies import csv_file
from bmt.chassis.http.routes import LONGEST_CURSOR, Page
from bmt.contracts.http.approval import WorklistCounts
from bmt.contracts.http.assignments import Assigned
from bmt.contracts.problems import Refused
from web.clients import Address, ServiceName, VisitorClient, address, part
from web.forms import new_key, refusal
from web.layout import Language

COUNTED: Final = 50
"""A higher count shows as "more than" this: counting on would be costly."""

TO_DECIDE: Final = ""
DONE: Final = "done"

_LISTS: Final[Sequence[tuple[str, ServiceName, Address, str | None]]] = (
    ("inbox", "intake", address("inbox"), "waiting"),
    ("tasks", "provisioning", address("tasks"), "open"),
    ("papers", "notification", address("notifications"), "prepared"),
    ("failures", "provisioning", address("failures"), None),
    ("failures", "provisioning", address("drift"), "open"),
    ("failures", "notification", address("notifications"), "failed"),
    ("confirmations", "provisioning", address("confirmations"), "open"),
)
"""A tab's path, its service and list, and the status that is counted. Lists with the same path are one tab."""


class _Waiting(BaseModel):
    items: list[Any]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """A list of work and how much is in it; `count` is None if its service does not answer."""

    path: str
    count: int | None
    more: bool = False


async def tabs(client: VisitorClient) -> Sequence[Tab]:
    """All tabs. A service that is down or slow does not delay the page."""
    counts, others = await asyncio.gather(_own(client), other_tabs(client))
    return in_order(counts, others)


async def other_tabs(client: VisitorClient) -> Sequence[Tab]:
    """The tabs that approval does not count."""
    found = await asyncio.gather(*(_tab(client, *one) for one in _LISTS))
    paths = dict.fromkeys(one.path for one in found)
    return [_together([one for one in found if one.path == path]) for path in paths]


def _together(parts: Sequence[Tab]) -> Tab:
    """One tab of several lists; its count is unknown unless all of them answer."""
    counts = [one.count for one in parts if one.count is not None]
    count = sum(counts) if len(counts) == len(parts) else None
    return Tab(parts[0].path, count, any(one.more for one in parts))


def in_order(counts: WorklistCounts | None, others: Sequence[Tab]) -> Sequence[Tab]:
    return (
        Tab(TO_DECIDE, counts.for_caller if counts else None),
        *others,
        Tab(DONE, counts.done_by_caller if counts else None),
    )


async def _own(client: VisitorClient) -> WorklistCounts | None:
    return await part(client.get("approval", address("worklist", "counts"), WorklistCounts))


async def _tab(
    client: VisitorClient, path: str, service: ServiceName, lists: Address, status: str | None
) -> Tab:
    params = {"status": status, "limit": COUNTED}
    found = await part(client.get(service, lists, _Waiting, params))
    return Tab(path, len(found.items), found.next_cursor is not None) if found else Tab(path, None)


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list the address asks for, as parameters of the service."""

    limit: Annotated[int | None, Query(ge=1, le=200)] = None
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None


PageQuery = Annotated[Paging, Depends()]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list's filters and order, as parameters of the address. A subclass adds its filters, and `order` with its default."""

    NEWEST_FIRST: ClassVar[bool] = False
    """Whether the default order is descending."""

    descending: Annotated[Literal["1", "0", ""], Query()] = ""
    """Empty: the direction that the order has by default."""

    @property
    def current_order(self) -> str:
        return str(self._values()["order"])

    @property
    def is_descending(self) -> bool:
        return self.descending == "1" if self.descending else self._is_by_itself(self.current_order)

    @property
    def address(self) -> str:
        """The list as a query string, without the page."""
        own = {one.name: one.default for one in fields(self)}
        return urlencode({name: is_ for name, is_ in self._values().items() if is_ != own[name]})

    def params(self) -> dict[str, Any]:
        """The parameters of the service's list."""
        return {**self._values(), "descending": self.is_descending}

    def sorted_by(self, order: str) -> str:
        """The address of the list in this order; in the opposite direction, if it has this order now."""
        down = self._is_by_itself(order)
        if order == self.current_order:
            down = not self.is_descending
        descending = "" if down == self._is_by_itself(order) else "01"[down]
        changed: dict[str, Any] = {"order": order, "descending": descending}
        return "?" + replace(self, **changed).address

    def with_(self, **changed: Any) -> str:
        """The address of the list with these filters."""
        return "?" + replace(self, **changed).address

    def _is_by_itself(self, order: str) -> bool:
        own = next(one.default for one in fields(self) if one.name == "order")
        return self.NEWEST_FIRST and order == own

    def _values(self) -> Mapping[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


T = TypeVar("T", bound=BaseModel)

MOST_EXPORTED: Final = 2_000
AT_ONCE: Final = 200


async def list_all(
    client: VisitorClient,
    service: ServiceName,
    path: Address,
    pages: type[Page[T]],
    params: Mapping[str, Any],
) -> Sequence[T]:
    """All that is listed, in its order; at most `MOST_EXPORTED`."""
    found: list[T] = []
    cursor = None
    while len(found) < MOST_EXPORTED:
        place = {"limit": AT_ONCE, "cursor": cursor}
        page = await client.get(service, path, pages, {**params, **place})
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    return found


def as_file(
    name: str, heads: Sequence[str], rows: Iterable[Sequence[object]], language: Language
) -> Response:
    """A list as a file for spreadsheets; `heads` in Malay, times in Malaysian time."""
    cells = [[_cell_value(cell) for cell in row] for row in rows]
    return csv_file(f"bmt-{name}", [[language.text(head) for head in heads], *cells])


def _cell_value(cell: object) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(MALAYSIA).strftime("%Y-%m-%d %H:%M")
    return cell


Act = Literal["take", "release"]
ASSIGN: Final = "assign"
"""The button that assigns: `take` or `release`."""

CALLS_AT_ONCE: Final = 10
"""The most concurrent calls of one visitor."""

_OWNERS: Final[dict[str, ServiceName]] = {
    "requests": "approval",
    "inbox": "intake",
    "notifications": "notification",
}


async def assign(client: VisitorClient, list_: str, item_id: str, act: str) -> None:
    """Assigns an item of `list_` (a path of the API) to the visitor, or releases it. It is idempotent.

    Raises:
        Refused: `already_assigned`, with `assignment`, and as the service says.
    """
    service, path = _OWNERS[list_], address(list_, item_id, "assignment")
    if act == "release":
        await client.delete(service, path, Assigned, new_key())
    else:
        await client.post(service, path, {}, Assigned, new_key())


async def assign_all(
    client: VisitorClient, list_: str, item_ids: Sequence[str], act: str
) -> dict[str, Refused]:
    """As `assign`, for many items: the refusals by item."""
    return await for_each(item_ids, lambda item_id: assign(client, list_, item_id, act))


async def for_each(
    item_ids: Sequence[str], act: Callable[[str], Awaitable[object]]
) -> dict[str, Refused]:
    """Calls `act` for each item, some at the same time: the refusals by item."""
    some = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(item_id: str) -> Refused | None:
        try:
            async with some:
                await act(item_id)
        except (Refused, Unavailable) as error:
            return refusal(error)
        return None

    answers = await asyncio.gather(*map(one, item_ids))
    return {item_id: why for item_id, why in zip(item_ids, answers, strict=True) if why is not None}
