"""Taking and releasing a request, an inbox item or a paper, for oneself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.assignments import Assigned
from bmt.contracts.problems import Refused
from web.clients import ServiceName, VisitorClient, address
from web.forms import new_key, refusal

Act = Literal["take", "release"]
ASSIGN: Final = "assign"
"""The button that does it: `take` or `release`."""

AT_ONCE: Final = 10
"""Calls of one visitor at the same time."""

_OWNERS: Final[dict[str, ServiceName]] = {
    "requests": "approval",
    "inbox": "intake",
    "notifications": "notification",
}


async def assign(client: VisitorClient, list_: str, thing: str, act: str) -> None:
    """Takes a thing of `list_` (a path of the API), or releases it. Done twice, it is as done once.

    Raises:
        Refused: `already_assigned`, with `assignment`, and as the service says.
    """
    service, path = _OWNERS[list_], address(list_, thing, "assignment")
    if act == "release":
        await client.delete(service, path, Assigned, new_key())
    else:
        await client.post(service, path, {}, Assigned, new_key())


async def assign_all(
    client: VisitorClient, list_: str, things: Sequence[str], act: str
) -> dict[str, Refused]:
    """As `assign`, for many: why not, by thing."""
    return await each(things, lambda thing: assign(client, list_, thing, act))


async def each(
    things: Sequence[str], act: Callable[[str], Awaitable[object]]
) -> dict[str, Refused]:
    """Does it to many, some at the same time: why not, by thing."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(thing: str) -> Refused | None:
        try:
            async with some:
                await act(thing)
        except (Refused, Unavailable) as error:
            return refusal(error)
        return None

    answers = await asyncio.gather(*map(one, things))
    return {thing: why for thing, why in zip(things, answers, strict=True) if why is not None}
