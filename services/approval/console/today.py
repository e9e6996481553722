"""What waits elsewhere for the visitor's agency, at a glance: an empty day is one with nothing left."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused
from bmt.pages.login import SignInFirst
from services.approval.console.neighbours import Address, Errand, Neighbour, Neighbours, address

COUNTED: Final = 50
"""More than so many are "more than": to count them all would cost their keeper."""
SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Office:
    """A part of the console that another service's work is done in.

    Attributes:
        path: of its pages.
        name: in Malay, as the menu has it.
        keeper: the service.
        lists: the call that lists what waits; None: nothing ever waits there.
        asked: its parameters.
    """

    path: str
    name: str
    keeper: Neighbour
    lists: Address | None = None
    asked: Mapping[str, str] = field(default_factory=dict)


OFFICES: Final[Sequence[Office]] = (
    Office("inbox", "Peti masuk", "intake", address("inbox"), {"status": "waiting"}),
    Office("tasks", "Tugasan IPMS", "provisioning", address("tasks"), {"status": "open"}),
    Office("papers", "Makluman", "notification", address("notifications"), {"status": "prepared"}),
    Office("notices", "Templat makluman", "notification"),
)


class _Waiting(BaseModel):
    items: list[Any]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """How much waits in one office.

    Attributes:
        office: which.
        waiting: how many; None: its keeper does not say now.
        more: there are more than that.
    """

    office: Office
    waiting: int | None
    more: bool = False


def open_offices(neighbours: Neighbours) -> Sequence[Office]:
    """Those whose keeper this installation names."""
    return [office for office in OFFICES if office.keeper in neighbours]


async def cards(offices: Sequence[Office], errand: Errand) -> Sequence[Card]:
    """How much waits in each; a keeper that is away or slow keeps no page back."""
    return await asyncio.gather(*(_card(one, one.lists, errand) for one in offices if one.lists))


async def _card(office: Office, lists: Address, errand: Errand) -> Card:
    asked = {**office.asked, "limit": COUNTED}
    try:
        async with asyncio.timeout(SECONDS):
            found = await errand.get(office.keeper, lists, _Waiting, asked)
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return Card(office, None)
    return Card(office, len(found.items), more=found.next_cursor is not None)
