"""`bmt prune`: working copies of what has been filed for long enough are removed; the record stays."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson, Data
from bmt.cli.outcome import reported

if TYPE_CHECKING:
    from bmt.pruning.documents import PrunedDocuments
    from bmt.pruning.streams import Pruned

    Report = tuple[dict[str, Pruned], PrunedDocuments]

DAYS = 90
Days = Annotated[
    int,
    typer.Option(
        "--older-than-days",
        min=0,
        max=36_500,
        envvar="BMT_PRUNE_AFTER_DAYS",
        metavar="N",
        help="Filed more than so many days ago.",
    ),
]


def prune(
    older_than_days: Days = DAYS,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Remove the services' working copies of requests filed long ago, and documents that nobody names.

    The record is not touched. Stopped anywhere, the same again goes on. Run it once a day.
    """
    before = datetime.now(UTC) - timedelta(days=older_than_days)
    with reported():
        streams, documents = asyncio.run(_pruned(data, before))
    if as_json:
        found = {name: asdict(pruned) for name, pruned in streams.items()}
        typer.echo(json.dumps({"services": found, "documents": asdict(documents)}, indent=2))
    else:
        typer.echo(_text(streams, documents))


async def _pruned(data: Path, before: datetime) -> "Report":
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client  # noqa: PLC0415
    from bmt.pruning.documents import prune_documents  # noqa: PLC0415
    from bmt.pruning.streams import prune_streams  # noqa: PLC0415

    address = addresses.mongodb(data)
    async with mongodb_client(address) as client:
        streams = await prune_streams(client, address.prefix, before)
        return streams, await prune_documents(client, address.prefix, before)


def _text(streams: "dict[str, Pruned]", documents: "PrunedDocuments") -> str:
    lines = [
        f"{name}: {pruned.requests} requests, {pruned.commits} commits removed"
        + (f"; {pruned.in_force} kept, their configuration is in force" if pruned.in_force else "")
        for name, pruned in streams.items()
    ]
    kept = f"; {documents.given_back} given back" if documents.given_back else ""
    told = f"documents: {documents.removed} removed, {documents.bytes} bytes{kept}"
    return "\n".join([*lines, told])
