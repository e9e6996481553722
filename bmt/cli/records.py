"""`bmt records`: exports and verifies the auditable record, outside the service that keeps it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bmt import verify_record
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.settings import load
from bmt.cli import connections
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, Exit
from bmt.cli.connections import DataFolder, RecordsKey, fetch, id_of, mongodb_client
from services.records.ledger.live_store import LiveStore, Report
from services.records.ledger.verification import Trusted
from services.records.sealing.keys import MasterKey, PersonKeys, master_keys
from services.records.tree.checkpoints import KeyUnusable, Verifier

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


Key = Annotated[
    list[str],
    typer.Option("--key", metavar="KEY", help="A key, or a file of keys, that you trust."),
]


@app.command()
def export(
    request_id: Annotated[
        str,
        typer.Argument(
            metavar="REQUEST", help="The request's id, or its reference as it is typed."
        ),
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: REQUEST.zip")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Fetch a file as a bundle that verifies offline; 1 when there is no such file.

    Where BMT_RECORDS_URL and BMT_TOKEN are set, from there; else from the system of the data directory.
    """
    request_id = id_of(request_id, data)
    target = out or Path(f"{request_id}.zip")
    size = fetch(f"/v1/records/{request_id}/bundle", target, data)
    result = {"file": str(target), "size_bytes": size}
    typer.echo(json.dumps(result) if as_json else f"{target}: {size} bytes")


@app.command()
def verify(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A bundle. Without one: the live record of the data directory."
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
    checkpoint: Checkpoint = None,
    key: Key = [],  # noqa: B006  typer copies it
) -> None:
    """Check a bundle, or every leaf, folio and checkpoint of a running system; 1 when one is not so."""
    if bundle is not None:
        raise typer.Exit(_verify_bundle(bundle, key, data, as_json=as_json))
    report = asyncio.run(_verified(data, checkpoint, key))
    typer.echo(json.dumps(_document(report), indent=2) if as_json else _text(report))
    raise typer.Exit(Exit.NOT_SO if report.faults else Exit.DONE)


def _verify_bundle(bundle: Path, keys: list[str], data: Path, *, as_json: bool) -> int:
    """Verifies with the keys given, else those of the data directory, else the bundle's own."""
    own = DataFolder.at(data).ledger_verifiers_file
    trusted = keys or ([str(own)] if own.is_file() else [])
    given = [str(bundle), *(["--json"] if as_json else [])]
    return verify_record.main([*given, *(part for key in trusted for part in ("--key", key))])


@app.command()
def conformance(
    agency: Annotated[str, typer.Option(help="The agency's code.")],
    first: Annotated[
        str, typer.Option("--from", metavar="DAY", help="Received on this day or later.")
    ],
    last: Annotated[
        str, typer.Option("--to", metavar="DAY", help="Received on this day or earlier.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Where the CSV, the PDF and the JSON go."
        ),
    ] = Path(),
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Hold every request of a period against the procedure: a CSV and a PDF for the ISO auditor.

    1 when one deviates. From where `export` takes files.
    """
    params = {"agency": agency, "from": first, "to": last}
    files: dict[str, object] = {}
    out.mkdir(parents=True, exist_ok=True)
    for form in ("json", "csv", "pdf"):
        target = out / f"{agency}-{first}-{last}.{form}"
        fetch("/v1/conformance", target, data, {**params, "format": form})
        files[form] = str(target)
    report = json.loads(Path(str(files["json"])).read_text())
    counted = {name: report[name] for name in ("requests", "conforming", "by_code")}
    typer.echo(json.dumps({**files, **counted}) if as_json else _conformance(files, counted))
    raise typer.Exit(Exit.DONE if report["requests"] == report["conforming"] else Exit.NOT_SO)


def _conformance(files: dict[str, object], counted: dict[str, Any]) -> str:
    lines = [f"{count} × {code}" for code, count in counted["by_code"].items()]
    total = f"{counted['requests']} requests, {counted['conforming']} conform"
    return "\n".join([*lines, f"{total}: {files['csv']}, {files['pdf']}"])


async def _verified(data: Path, checkpoint: Path | None, keys: list[str]) -> Report:
    trusted = _trusted(data, checkpoint, keys)
    address = connections.mongodb(data)
    masters = _masters(data)
    async with mongodb_client(address) as client:
        database = client[f"{address.prefix}records"]
        people = PersonKeys(database, masters, clock.now) if masters else None
        return await LiveStore(database, trusted, people).verify()


def _masters(data: Path) -> Sequence[MasterKey]:
    """The keys that encrypt the personal keys, if they are at hand."""
    file, given = DataFolder.at(data).records_key_file, load(RecordsKey).records_key
    if given is not None:
        return master_keys(given.get_secret_value())
    return master_keys(file.read_text()) if file.is_file() else ()


def _trusted(data: Path, checkpoint: Path | None, keys: list[str]) -> Trusted:
    """By the keys given, else those of the data directory, if there are any."""
    given = [path.read_text() if (path := Path(key)).is_file() else key for key in keys]
    own = DataFolder.at(data).ledger_verifiers_file
    lines = given or ([own.read_text()] if own.is_file() else [])
    outside = checkpoint.read_text() if checkpoint else None
    try:
        return Trusted([Verifier.parse(line) for line in "\n".join(lines).split()], outside)
    except KeyUnusable as error:
        raise WrongConfiguration(f"a key of the ledger cannot be used: {error}") from None


def _document(report: Report) -> dict[str, object]:
    return {"valid": not report.faults, **asdict(report)}


def _text(report: Report) -> str:
    counted = (
        f"{report.records} records, {report.leaves} leaves, {report.folios} folios, "
        f"{report.checkpoints} checkpoints"
    )
    if not report.opened:
        counted += " (what is sealed was not opened: no BMT_RECORDS_KEY)"
    if not report.faults:
        return f"{counted}: all are what was written"
    lines = [
        f"{fault.request_id} leaf {fault.leaf or '-'} {fault.wrong}: {fault.detail}"
        for fault in report.faults
    ]
    return "\n".join([*lines, f"{counted}: {len(report.faults)} faults"])
