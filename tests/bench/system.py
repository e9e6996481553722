"""The real system: Kafka, mongod, issuer and services as processes, with the bench's stand-ins."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.directory import account
from evaluation import services
from evaluation.issuer import holder
from evaluation.layout import REPOSITORY, Layout
from evaluation.ports import ONE_OF_EACH, Ports, Scale, free_base, listening
from evaluation.services import System
from evaluation.supervisor import Program, Supervisor

PARTS = ("kafka", "mongodb", "issuer")
DIRECTORY = "ipms"
ALL = (*services.SERVICES, "statistics")
EVALUATION = (*ALL, services.RECONCILIATION)
AGENCY = "MAMPU"
PATH = os.pathsep.join((str(Path(__file__).parents[1]), str(REPOSITORY)))


class Bench:
    """A running system as a bench sees it."""

    def __init__(self, system: System, supervisor: Supervisor) -> None:
        self.system = system
        self._supervisor = supervisor

    @property
    def pids(self) -> dict[str, int]:
        """By name, of every process."""
        return self._supervisor.pids

    def port(self, service: str) -> int:
        return self.system.ports[service]

    def kafka(self, user: str = "admin") -> dict[str, Any]:
        """What an aiokafka client comes in with."""
        return self.system.kafka.options(user)

    def administrators(self, count: int) -> list[str]:
        """Tokens of so many administrators of one agency."""
        mint = self.system.issuer.mint()
        return [
            mint.token(holder(["administrator"], AGENCY, f"pentadbir{number}@mygovuc.gov.my"))
            for number in range(count)
        ]


@asynccontextmanager
async def running(
    names: Sequence[str] = ALL,
    *,
    accounts: int = 1000,
    real: bool = False,
    scale: Scale = ONE_OF_EACH,
) -> AsyncIterator[Bench]:
    """Kafka, mongod and these services, in a folder that is gone afterwards.

    Args:
        names: of the services.
        accounts: in the directory that intake reads.
        real: with the evaluation's IPMS, storage and mail server, and no stand-in for any.
        scale: how many processes there are of each service.
    """
    with tempfile.TemporaryDirectory(prefix="bmt-bench-", ignore_cleanup_errors=True) as folder:
        layout = Layout.at(Path(folder))
        layout.make()
        system = System(layout, Ports(free_base()), scale)
        programs = _real(system, names, accounts) if real else _programs(system, names, accounts)
        supervisor = Supervisor(programs, layout.logs, forking=False)
        try:
            await supervisor.start()
            yield Bench(system, supervisor)
        except BaseException:
            kept = shutil.copytree(
                layout.logs, tempfile.mkdtemp(prefix="bmt-bench-logs-"), dirs_exist_ok=True
            )
            sys.stderr.write(f"What the processes said is kept in {kept}\n")
            raise
        finally:
            await supervisor.stop()


def _programs(system: System, names: Sequence[str], accounts: int) -> list[Program]:
    parts = [program for program in system.programs() if program.name in PARTS]
    own = [_launched(each) for each in services.programs(system) if _service(each) in names]
    return [*parts, _directory(system, accounts), *own]


def _real(system: System, names: Sequence[str], accounts: int) -> list[Program]:
    """As an evaluation runs it, with more accounts in IPMS."""
    file = system.layout.root / "accounts.yaml"
    file.write_text(json.dumps([_user(number) for number in range(accounts)]))
    system.ipms = replace(system.ipms, accounts=file)
    own = [
        replace(each, environment={**each.environment, "BMT_CALLS_PER_SECOND": "0"})
        for each in services.programs(system)
        if _service(each) in names
    ]
    return [*system.programs(), *own]


def _service(program: Program) -> str:
    """The name of the service, without a replica's number."""
    return program.name.partition("-")[0]


def _user(number: int) -> dict[str, Any]:
    name = account(number)
    address = [{"value": name, "primary": True}]
    return {"userName": name, "displayName": name, "emails": address, "active": True}


def _launched(program: Program) -> Program:
    environment = {**program.environment, "PYTHONPATH": PATH}
    after = (*PARTS, DIRECTORY)
    if program.name == "statistics":
        return replace(program, after=after)
    command = (sys.executable, "-m", "bench.launch", _service(program))
    environment["BMT_DIRECTORY_REFRESH_SECONDS"] = "30"
    environment["BMT_CALLS_PER_SECOND"] = "0"  # one token makes all the calls
    return replace(program, command=command, environment=environment, after=after)


def _directory(system: System, accounts: int) -> Program:
    port = system.ports["ipms"]

    async def ready() -> bool:
        return await listening(port)

    return Program(
        name=DIRECTORY,
        command=(sys.executable, "-m", "bench.directory", str(port), str(accounts)),
        environment={"PYTHONPATH": PATH},
        ready=ready,
    )
