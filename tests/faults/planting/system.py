"""A whole system whose services have bugs planted, its stories, and the audit of what is left."""

import os
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from faults.planting.clients import Clients
from faults.planting.stories import run_all
from faults.planting.worst_moment import FOLDER

from bmt.embedded import ready_file, services
from bmt.embedded.layout import REPOSITORY, Layout
from bmt.embedded.ports import OFFSETS, Ports, is_free
from bmt.embedded.program import Program
from bmt.embedded.supervisor import Supervisor
from bmt.embedded.system import System
from bmt.prove.client_log import Log
from bmt.prove.evidence import Whereabouts
from bmt.prove.gathering import gather
from bmt.prove.report import Report, audit

TESTS = Path(__file__).parents[2]
AGENCIES = ("MAMPU", "JPA", "KPM")


async def report_of(bugs: Mapping[str, str], folder: Path, patience: float) -> Report:
    """What the audit says of a run with these bugs planted, by service."""
    async with running(bugs, folder) as (system, supervisor):
        log = folder / "clients.jsonl"
        async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
            ready = ready_file.document(system, supervisor.pids)
            clients = Clients(ready, Log(log), http, patience)
            await run_all(clients)
        return audit(await gather(_whereabouts(system, supervisor, clients, log)))


@asynccontextmanager
async def running(
    bugs: Mapping[str, str], folder: Path
) -> AsyncIterator[tuple[System, Supervisor]]:
    """The system, for as long as it is needed."""
    layout = Layout.at(folder / "data")
    layout.make()
    marks = folder / "marks"
    marks.mkdir()
    system = System(layout, Ports(_free_base()))
    programs = [*system.programs(), *services.programs(system)[:5]]
    planted = [_planted(program, bugs.get(program.name), marks) for program in programs]
    supervisor = Supervisor(planted, layout.logs)
    await supervisor.start()
    try:
        yield system, supervisor
    finally:
        await supervisor.stop()


def _planted(program: Program, bug: str | None, marks: Path) -> Program:
    if bug is None:
        return program
    launcher = (sys.executable, "-m", "faults.planting.launch", bug, program.command[-1])
    path = os.pathsep.join((str(TESTS), str(REPOSITORY)))
    environment = {**program.environment, "PYTHONPATH": path, FOLDER: str(marks)}
    return replace(program, command=launcher, environment=environment)


def _whereabouts(
    system: System, supervisor: Supervisor, clients: Clients, log: Path
) -> Whereabouts:
    return Whereabouts(
        ready=ready_file.document(system, supervisor.pids),
        mongodb_uri=system.mongodb.uri(),
        client_log=log,
        auditor_token=clients.token("auditor", ""),
        administrators={each: clients.token("administrator", each) for each in AGENCIES},
        ipms_journal=system.ipms.journal,
    )


def _free_base() -> int:
    """Far from where others look first."""
    while True:
        base = random.randrange(22_000, 60_000, 100)
        if all(is_free(base + offset) for offset in OFFSETS.values()):
            return base


def all_red(report: Report) -> dict[str, Any]:
    """What is violated, for a failing test's message."""
    return {
        name: [f"{each.request_id}: {each.what}" for each in report.findings[name].violations[:5]]
        for name in report.red
    }
