"""`bmt records`: the auditable record, checked from outside the service that keeps it."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmt.cli.options import DEFAULT_DATA, Data
from bmt.cli.outcome import Exit, reported

if TYPE_CHECKING:
    from services.records.ledger.live_store import Report
    from services.records.tree.verification import Trusted

Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A signed checkpoint that was kept elsewhere: the ledger must begin with its leaves.",
    ),
]

app = typer.Typer(help="The auditable record.", no_args_is_help=True)


@app.callback()
def records() -> None:
    """The auditable record."""


@app.command()
def verify(
    data: Data = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,  # noqa: FBT002
    checkpoint: Checkpoint = None,
) -> None:
    """Check every leaf, folio and checkpoint of a running system; 1 when one is not what was written."""
    with reported():
        report = asyncio.run(_verified(data, checkpoint))
    typer.echo(json.dumps(_document(report), indent=2) if as_json else _text(report))
    raise typer.Exit(Exit.NOT_SO if report.faults else Exit.DONE)


async def _verified(data: Path, checkpoint: Path | None) -> "Report":
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client  # noqa: PLC0415
    from services.records.ledger.live_store import LiveStore  # noqa: PLC0415

    trusted = _trusted(data, checkpoint)
    address = addresses.mongodb(data)
    async with mongodb_client(address) as client:
        return await LiveStore(client[f"{address.prefix}records"], trusted).verify()


def _trusted(data: Path, checkpoint: Path | None) -> "Trusted":
    """The public keys of the data directory, where there are any."""
    from bmt.embedded.layout import Layout  # noqa: PLC0415
    from services.records.tree.notes import Verifier  # noqa: PLC0415
    from services.records.tree.verification import Trusted  # noqa: PLC0415

    keys = Layout.at(data).ledger_verifiers_file
    lines = keys.read_text().split() if keys.is_file() else []
    outside = checkpoint.read_text() if checkpoint else None
    return Trusted([Verifier.parse(line) for line in lines], outside)


def _document(report: "Report") -> dict[str, object]:
    return {"valid": not report.faults, **asdict(report)}


def _text(report: "Report") -> str:
    counted = (
        f"{report.records} records, {report.leaves} leaves, {report.folios} folios, "
        f"{report.checkpoints} checkpoints"
    )
    if not report.faults:
        return f"{counted}: all are what was written"
    lines = [
        f"{fault.request_id} leaf {fault.leaf or '-'} {fault.wrong}: {fault.detail}"
        for fault in report.faults
    ]
    return "\n".join([*lines, f"{counted}: {len(report.faults)} faults"])
