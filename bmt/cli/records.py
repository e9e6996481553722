"""`bmt records`: the auditable record, checked from outside the service that keeps it."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bmt.cli.options import DEFAULT_DATA, Data
from bmt.cli.outcome import Exit, reported

if TYPE_CHECKING:
    from services.records.ledger.live_store import Report

app = typer.Typer(help="The auditable record.", no_args_is_help=True)


@app.callback()
def records() -> None:
    """The auditable record."""


@app.command()
def verify(
    data: Data = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,  # noqa: FBT002
) -> None:
    """Check every leaf and folio of a running system; 1 when one is not what was written."""
    with reported():
        report = asyncio.run(_verified(_mongodb_uri(data)))
    typer.echo(json.dumps(_document(report), indent=2) if as_json else _text(report))
    raise typer.Exit(Exit.NOT_SO if report.faults else Exit.DONE)


def _mongodb_uri(data: Data) -> str:
    from bmt.embedded.errors import NotRunning  # noqa: PLC0415 - the command starts fast
    from bmt.embedded.layout import Layout  # noqa: PLC0415

    layout = Layout.at(data)
    try:
        return str(json.loads(layout.ready_file.read_text())["mongodb"]["uri"])
    except FileNotFoundError:
        raise NotRunning(f"no system runs on {layout.root}: `bmt up` starts one") from None


async def _verified(uri: str) -> "Report":
    from bmt.chassis.errors import Unavailable  # noqa: PLC0415 - the command starts fast
    from bmt.chassis.mongodb import connect  # noqa: PLC0415
    from bmt.embedded.errors import NotRunning  # noqa: PLC0415
    from bmt.embedded.mongodb_rights import RECORDS_DATABASE  # noqa: PLC0415
    from services.records.ledger.live_store import LiveStore  # noqa: PLC0415

    client = connect(uri)
    try:
        return await LiveStore(client[RECORDS_DATABASE]).verify()
    except Unavailable as error:
        raise NotRunning(f"{error.part} cannot be reached: is the system up?") from None
    finally:
        client.close()


def _document(report: "Report") -> dict[str, object]:
    return {"valid": not report.faults, **asdict(report)}


def _text(report: "Report") -> str:
    counted = f"{report.records} records, {report.leaves} leaves, {report.folios} folios"
    if not report.faults:
        return f"{counted}: all are what was written"
    lines = [
        f"{fault.request_id} leaf {fault.leaf or '-'} {fault.wrong}: {fault.detail}"
        for fault in report.faults
    ]
    return "\n".join([*lines, f"{counted}: {len(report.faults)} faults"])
