"""`bmt prune`: removes working copies of requests that were filed long ago; the record stays."""

import asyncio
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bmt.chassis.errors import Unavailable
from bmt.cli import addresses
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data
from bmt.cli.connections import mongodb_client
from bmt.pruning import Pruned, PrunedDocuments, prune_documents, prune_streams

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


Every = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=24 * 366,
        metavar="N",
        help="Stay, and do it again each time after so many hours.",
    ),
]
Touch = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Made anew after each time, for whoever watches over it."),
]
AGAIN_AFTER_SECONDS = 300.0
"""The pause after MongoDB could not be reached."""


def prune(
    older_than_days: Days = DAYS,
    every_hours: Every = None,
    touch: Touch = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Remove the services' working copies of requests filed long ago, and documents that nobody names.

    The record is not touched. Stopped anywhere, the same again goes on. Run it once a day.
    """
    if every_hours is None:
        _once(older_than_days, touch, data, as_json=as_json)
    while every_hours is not None:
        time.sleep(_pause(every_hours, older_than_days, touch, data, as_json=as_json))


def _pause(hours: int, days: int, touch: Path | None, data: Path, *, as_json: bool) -> float:
    """Prunes, and returns the seconds until the next time, which are few if MongoDB is down."""
    try:
        _once(days, touch, data, as_json=as_json)
    except Unavailable as error:
        typer.echo(
            f"{error.part} cannot be reached: again in {AGAIN_AFTER_SECONDS:.0f} s", err=True
        )
        return AGAIN_AFTER_SECONDS
    return hours * 3600.0


def _once(days: int, touch: Path | None, data: Path, *, as_json: bool) -> None:
    before = datetime.now(UTC) - timedelta(days=days)
    streams, documents = asyncio.run(_pruned(data, before))
    if as_json:
        found = {name: asdict(pruned) for name, pruned in streams.items()}
        typer.echo(json.dumps({"services": found, "documents": asdict(documents)}, indent=2))
    else:
        typer.echo(_text(streams, documents))
    if touch is not None:
        touch.touch()


async def _pruned(data: Path, before: datetime) -> Report:
    address = addresses.pruner(data)
    async with mongodb_client(address) as client:
        streams = await prune_streams(client, address.prefix, before)
        return streams, await prune_documents(client, address.prefix, before)


def _text(streams: "dict[str, Pruned]", documents: PrunedDocuments) -> str:
    lines = [
        f"{name}: {pruned.requests} requests, {pruned.commits} commits removed"
        + (f"; {pruned.in_force} kept, their configuration is in force" if pruned.in_force else "")
        for name, pruned in streams.items()
    ]
    kept = f"; {documents.given_back} given back" if documents.given_back else ""
    told = f"documents: {documents.removed} removed, {documents.bytes} bytes{kept}"
    return "\n".join([*lines, told])
