"""`bmt topics`: each topic, who writes it, what is said there, and how much of it there is."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bmt.cli.options import DEFAULT_DATA, AsJson, Data
from bmt.cli.outcome import reported

if TYPE_CHECKING:
    from bmt.cli.topics.listing import Listed


def topics(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Show each topic: its single writer, its events, its partitions and records."""
    with reported():
        from bmt.cli.shown import show  # noqa: PLC0415 - the command starts fast
        from bmt.cli.topics import listing  # noqa: PLC0415

        found = asyncio.run(_listed(data))
        show(listing.document(found), listing.lines(found), as_json=as_json)


async def _listed(data: Path) -> "list[Listed]":
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.topics.broker import everything  # noqa: PLC0415

    return await everything(addresses.kafka(data))
