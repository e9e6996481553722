"""The tabs above every list of work, each with how much waits there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from bmt.contracts.http.approval import WorklistCounts
from web.clients import Address, ServiceName, VisitorClient, address, part

COUNTED: Final = 50
"""A higher count shows as "more than" this: counting on would be costly."""

TO_DECIDE: Final = ""
DONE: Final = "done"

_LISTS: Final[Sequence[tuple[str, ServiceName, Address, str | None]]] = (
    ("inbox", "intake", address("inbox"), "waiting"),
    ("tasks", "provisioning", address("tasks"), "open"),
    ("papers", "notification", address("notifications"), "prepared"),
    ("failures", "provisioning", address("failures"), None),
    ("failures", "notification", address("notifications"), "failed"),
)
"""A tab's path, whose list it is, and which status waits. What has the same path is one tab."""


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
    """All of them. A service that is down or slow does not delay the page."""
    counts, others = await asyncio.gather(_own(client), other_tabs(client))
    return in_order(counts, others)


async def other_tabs(client: VisitorClient) -> Sequence[Tab]:
    """Those that approval does not count."""
    found = await asyncio.gather(*(_tab(client, *one) for one in _LISTS))
    paths = dict.fromkeys(one.path for one in found)
    return [_together([one for one in found if one.path == path]) for path in paths]


def _together(parts: Sequence[Tab]) -> Tab:
    """One tab of several lists; how much waits is not known unless all of them answer."""
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
    asked = {"status": status, "limit": COUNTED}
    found = await part(client.get(service, lists, _Waiting, asked))
    return Tab(path, len(found.items), found.next_cursor is not None) if found else Tab(path, None)
