"""The demonstration, from an empty folder to the proof."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
from rich.console import Console

from bmt.cli.demo import procedure, proof, system
from bmt.cli.demo.officer import Officer
from bmt.cli.demo.report import Report
from bmt.cli.demo.samples import Sample, samples
from bmt.embedded import jars, machine
from bmt.embedded.holders import administrator
from bmt.embedded.ready_file import Document
from bmt.embedded.tokens import mint


def run() -> None:
    """Start, show, prove, stop.

    Raises:
        CannotRun: something stands in the way of the system.
    """
    report = Report(Console())
    wanted = samples()
    machine.refuse_unfit()
    jars.classpath()
    report.heading("Starting Kafka, MongoDB, mail, IPMS, transfer storage and five services")
    with system.running() as ready:
        first = asyncio.run(_show(wanted, ready, report))
        report.proof([_verified(ready), _carried_away(ready, first)])
    report.end()


async def _show(wanted: list[Sample], ready: Document, report: Report) -> str:
    """What happens, as it does; the first request's id."""
    minter = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        officers = {
            agency: Officer(client, ready, minter.token(administrator(agency)))
            for agency in {sample.agency for sample in wanted}
        }
        report.heading("Receive, approve, configure, notify, file")
        ids = await procedure.run_all(wanted, officers, report.step)
        report.heading("The designated files")
        records = [await officers[sample.agency].record(ids[sample.name]) for sample in wanted]
        report.files(records)
        report.heading("Seen from outside")
        accounts = {
            str(record["events"][0]["data"]["request"]["applicant"]["account"])
            for record in records
        }
        report.proof(await proof.look(client, ready, accounts))
    return ids[wanted[0].name]


def _verified(ready: Document) -> str:
    """What `bmt records verify` says of the live store."""
    return _said(ready, "verify")


def _carried_away(ready: Document, request_id: str) -> str:
    """What it says of a file that was exported."""
    bundle = Path(ready["data"]) / "file.zip"
    _said(ready, "export", request_id, "--out", str(bundle))
    return f"one file carried away: {_said(ready, 'verify', str(bundle))}"


def _said(ready: Document, *arguments: str) -> str:
    """The last line of a `bmt records` command."""
    command = [sys.executable, "-m", "bmt.cli.main", "records", *arguments, "--data", ready["data"]]
    said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    return said.stdout.strip().splitlines()[-1]
