"""The procedure of one sample: receive, approve, configure, notify, file (SOP 4.1.1, 4.2.1, 6.0)."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from evaluation import machine
from evaluation.commands.demo import system
from evaluation.commands.demo.officer import Json, NotHeardYet, Officer, Sample, samples
from evaluation.holders import administrator
from evaluation.ready_file import Document
from evaluation.tokens import mint

SECONDS_BETWEEN_LOOKS: Final = 0.1
LONGEST_SECONDS: Final = 60.0

Tell = Callable[[Sample, Json], None]
"""Told each step of a request as it happens."""


class Stuck(RuntimeError):  # noqa: N818  named for what is so
    """A request did not come to its end in time."""


async def carry_out(sample: Sample, officer: Officer, tell: Tell) -> str:
    """Take one sample through all four steps; the request's id, once it is filed.

    Raises:
        Stuck: it does not go on.
    """
    request_id = str((await officer.receive(sample))["request_id"])
    told: set[tuple[str, str]] = set()
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        now = await officer.status(request_id)
        for step in now["steps"]:
            # A topic may bring an earlier step later: each is told when it is first seen.
            if (seen := (step["step"], step["at"])) not in told:
                told.add(seen)
                tell(sample, {**step, "reference": now["reference"]})
        if now["status"] == "filed":
            return request_id
        if time.monotonic() > deadline:
            raise Stuck(f"{now['reference']} is {now['status']} after {LONGEST_SECONDS:.0f} s")
        with suppress(NotHeardYet):
            await _go_on(sample, officer, request_id, now["status"])
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _go_on(sample: Sample, officer: Officer, request_id: str, status: str) -> None:
    """Do what the procedure asks of a person now."""
    if status == "received":
        await officer.approve(request_id)
    elif status == "awaiting_operator" and sample.evidence:
        await officer.configure_by_hand(request_id, sample.evidence)
    await officer.hand_over_papers(request_id)


async def run_all(
    samples: list[Sample], officers: dict[str, Officer], tell: Tell
) -> dict[str, str]:
    """All samples side by side, each after the one that it waits for; request ids by name."""
    tasks: dict[str, asyncio.Task[str]] = {}

    async def in_turn(sample: Sample) -> str:
        if sample.after:
            await tasks[sample.after]
        return await carry_out(sample, officers[sample.agency], tell)

    async with asyncio.TaskGroup() as group:
        for sample in samples:
            tasks[sample.name] = group.create_task(in_turn(sample))
    return {name: task.result() for name, task in tasks.items()}


# What a demonstration prints: each step as it happens, then the files and what proves them.


STYLES: Final = {
    "received": "cyan",
    "approved": "green",
    "configuring": "yellow",
    "awaiting_operator": "yellow",
    "configured": "green",
    "notified": "magenta",
    "filed": "bold blue",
}


class Report:
    """Prints to one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.console.print(f"\n[bold]{text}[/]")

    def step(self, sample: Sample, step: Json) -> None:
        """One step of one request."""
        at = datetime.fromisoformat(step["at"]).astimezone().strftime("%H:%M:%S")
        name = str(step["step"])
        style = STYLES.get(name, "dim")
        self.console.print(
            f"  {at}  {sample.kind} by {sample.channel:<6}  [dim]{step['reference']:<23}[/]  "
            f"[{style}]{name.replace('_', ' '):<21}[/] {step.get('detail') or ''}",
            soft_wrap=True,
            highlight=False,
        )

    def files(self, records: list[Json]) -> None:
        """The designated files."""
        table = Table("File", "Volume", "Folios", "Events", "State", box=None, pad_edge=False)
        for record in records:
            table.add_row(
                str(record["file_number"]),
                str(record["volume"]),
                str(len(record["folios"])),
                str(len(record["events"])),
                str(record["state"]["status"]),
            )
        self.console.print(table)

    def proof(self, lines: list[str]) -> None:
        """What was looked at from outside."""
        for line in lines:
            self.console.print(f"  [green]✓[/] {line}", highlight=False, soft_wrap=True)

    def end(self) -> None:
        """How long it took."""
        self.console.print(f"\nDone in {time.monotonic() - self._began:.0f} s.")


# The demonstration, from an empty folder to the proof.


def run() -> None:
    """Start, show, prove, stop.

    Raises:
        CannotRun: something stands in the way of the system.
    """
    report = Report(Console())
    wanted = samples()
    machine.refuse_unfit()
    machine.classpath()
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
        ids = await run_all(wanted, officers, report.step)
        report.heading("The designated files")
        records = [await officers[sample.agency].record(ids[sample.name]) for sample in wanted]
        report.files(records)
        report.heading("Seen from outside")
        accounts = {
            str(record["events"][0]["data"]["request"]["applicant"]["account"])
            for record in records
        }
        report.proof(await system.look(client, ready, accounts))
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
