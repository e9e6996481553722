"""A whole system whose services have bugs planted, its stories, and the audit of what is left."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from faults.planting.clients import Clients
from faults.planting.stories import run_all
from faults.planting.worst_moment import FOLDER

from evaluation.layout import REPOSITORY, Layout
from evaluation.supervisor import Program
from prove.collectors import gather
from prove.evidence import Log
from prove.report import Report, audit
from prove.site import Alter, Site, unused_base

TESTS = Path(__file__).parents[2]


async def report_of(bugs: Mapping[str, str], folder: Path, patience: float) -> Report:
    """What the audit says of a run with these bugs planted, by service."""
    layout = Layout.at(folder / "data")
    layout.make()
    marks = folder / "marks"
    marks.mkdir()
    site = Site(layout, unused_base(), _planting(bugs, marks))
    async with site.running():
        log = Log(site.endpoints().client_log)
        async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
            await run_all(Clients(site.ready, log, http, patience))
        log.close()
        return audit(await gather(site.endpoints()))


def _planting(bugs: Mapping[str, str], marks: Path) -> Alter:
    """Those services are started by the launcher, which is told which bug."""
    path = os.pathsep.join((str(TESTS), str(REPOSITORY)))

    def planted(program: Program) -> Program:
        if (bug := bugs.get(program.name)) is None:
            return program
        launcher = (sys.executable, "-m", "faults.planting.launch", bug, program.command[-1])
        environment = {**program.environment, "PYTHONPATH": path, FOLDER: str(marks)}
        return replace(program, command=launcher, environment=environment)

    return planted


def all_red(report: Report) -> dict[str, Any]:
    """What is violated, for a failing test's message."""
    return {
        name: [f"{each.request_id}: {each.what}" for each in report.findings[name].violations[:5]]
        for name in report.red
    }
