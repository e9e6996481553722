"""`bmt topics`: each topic with its writer, its events and its size."""

import asyncio

from bmt.cli.options import DEFAULT_DATA, AsJson, Data
from bmt.cli.outcome import reported


def topics(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Show each topic: its single writer, its events, its partitions and records."""
    with reported():
        from bmt.cli import addresses, topic_listing  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        found = asyncio.run(topic_listing.everything(addresses.kafka(data)))
        show(topic_listing.document(found), topic_listing.lines(found), as_json=as_json)
