"""Starts, watches and restarts a set of programs."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from bmt.cli.command_line import CannotRun
from evaluation.forking import Forked, ForkServer

Step = Callable[[], Awaitable[None]]
Probe = Callable[[], Awaitable[bool]]


async def nothing() -> None:
    """A step with nothing to do."""


@dataclass(frozen=True)
class Program:
    """One program of the system, before it runs.

    Attributes:
        name: in the log folder, in messages and in the ready file.
        ready: called again until it is true.
        environment: variables in addition to our own.
        after: the programs that must be ready before this one starts.
        prepare: runs before every start; makes files, formats storage. Must be repeatable.
        settle: runs after every start, once ready; makes users, rights, topics. Must be repeatable.
        patience: seconds that it may take to become ready.
        grace: seconds that it may take to stop before it is killed.
        folder: its working directory.
    """

    name: str
    command: Sequence[str]
    ready: Probe
    environment: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    prepare: Step = nothing
    settle: Step = nothing
    patience: float = 60.0
    grace: float = 20.0
    folder: Path | None = None

    @property
    def module(self) -> str | None:
        """The module that it runs with our own Python, found where we find modules."""
        own = tuple(self.command[:2]) == (sys.executable, "-m")
        return self.command[2] if own and "PYTHONPATH" not in self.environment else None


TETHER = Path(__file__).with_name("tether.py")
SHORTEST_PAUSE = 0.05
"""Between probes. A pause is a part of what was waited for, so what takes long is not slowed by being asked."""
PROBES = 20


class Process:
    """A started program. It dies when we do."""

    def __init__(
        self, program: Program, child: asyncio.subprocess.Process | Forked, log: Path
    ) -> None:
        self.program = program
        self.log = log
        self._child = child

    @classmethod
    async def start(
        cls, program: Program, logs: Path, forks: ForkServer | None = None
    ) -> "Process":
        """Start it with its output appended to `<logs>/<name>.log`; does not wait for readiness."""
        log = _log(logs, program.name)
        own = environment(program.environment)
        if forks and program.module:
            return cls(program, await forks.start(program.command, own, log, program.folder), log)
        with log.open("ab") as output:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(TETHER), str(os.getpid())),
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=program.folder,
                env=own,
                start_new_session=True,  # an interrupt at the terminal reaches us alone
            )
        return cls(program, child, log)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.returncode is None

    async def ended(self) -> int:
        """Wait for its end; returns the exit status, negative for a signal."""
        return await self._child.wait()

    async def become_ready(self) -> None:
        """Wait until the program's probe is true.

        Raises:
            Unready: it ended, or its patience ran out; the message quotes its last words.
        """
        start = time.monotonic()
        while not await self.program.ready():
            if not self.running:
                raise Unready(f"{self.program.name} ended at its start: {self._last_words()}")
            waited = time.monotonic() - start
            if waited > self.program.patience:
                raise Unready(
                    f"{self.program.name} was not ready after {self.program.patience:g} s: "
                    f"{self._last_words()}"
                )
            await asyncio.sleep(max(SHORTEST_PAUSE, waited / PROBES))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(number)

    async def stop(self) -> int:
        """Ask it to end (SIGTERM), kill it after its grace; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._child.wait(), self.program.grace)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self._child.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        spoken = [line.strip() for line in lines[-20:] if line.strip()]
        return f"{spoken[-1] if spoken else 'it said nothing'} (see {self.log})"


@contextlib.asynccontextmanager
async def running(program: Program, logs: Path) -> AsyncIterator[Process]:
    """Runs one program by itself, for tests."""
    await program.prepare()
    process = await Process.start(program, logs)
    try:
        await process.become_ready()
        await program.settle()
        yield process
    finally:
        await process.stop()


def _log(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def environment(added: Mapping[str, str]) -> dict[str, str]:
    """Our environment with `added`, and without a proxy for loopback."""
    own = dict(os.environ)
    direct = ",".join(filter(None, (own.get("NO_PROXY"), "127.0.0.1,localhost")))
    return own | {"NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1"} | dict(added)


RESTART_PAUSE_SECONDS: Final = 1.0
log = structlog.get_logger()


class Supervisor:
    """Starts programs in order, restarts them when they die, stops them in reverse.

    None outlives its supervisor, not even a killed one: see `tether`.
    """

    def __init__(
        self,
        programs: Iterable[Program],
        logs: Path,
        changed: Callable[[], None] = lambda: None,
        *,
        forking: bool = True,
    ) -> None:
        """`logs` is the folder of their output; `changed` is called after each restart, once the program is ready.

        Python's programs are forked from one process, unless each is to be measured by itself.
        """
        self._programs = {program.name: program for program in programs}
        self._logs = logs
        modules = [each.module for each in self._programs.values() if each.module]
        self._forks = ForkServer(modules, logs / "fork-server.log") if forking else None
        self._changed = changed
        self._processes: dict[str, Process] = {}
        self._ready = {name: asyncio.Event() for name in self._programs}
        self._stopped = {name: asyncio.Event() for name in self._programs}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    async def start(self) -> None:
        """Start everything; return when all is ready.

        Raises:
            CannotRun: one program did not become ready; nothing is left running.
        """
        self._keepers = [asyncio.create_task(self._keep(each)) for each in self._programs.values()]
        everything = asyncio.ensure_future(self._all_ready())
        done, _ = await asyncio.wait(
            [everything, *self._keepers], return_when=asyncio.FIRST_COMPLETED
        )
        if everything not in done:
            everything.cancel()
            await self.stop()
            for failed in done:
                failed.result()

    async def stop(self) -> None:
        """Stop everything, each program before those that it needs."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._stop(program) for program in self._programs.values()))
        if self._forks:
            await self._forks.stop()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process that runs under that name, if any."""
        if process := self._processes.get(name):
            process.signal(number)

    async def _all_ready(self) -> None:
        for ready in self._ready.values():
            await ready.wait()

    async def _keep(self, program: Program) -> None:
        for name in program.after:
            await self._ready[name].wait()
        process = await self._run(program)
        self._ready[program.name].set()
        while True:
            status = await process.ended()
            log.warning("process_ended", program=program.name, status=status)
            process = await self._run_again(program)

    async def _run(self, program: Program) -> Process:
        await program.prepare()
        process = await Process.start(program, self._logs, self._forks)
        self._processes[program.name] = process
        await process.become_ready()
        await program.settle()
        log.info("process_ready", program=program.name, pid=process.pid)
        return process

    async def _run_again(self, program: Program) -> Process:
        """Retry until it is ready and announced, whatever goes wrong (a port in use, a full disk).

        If we gave up here the program would stay dead unnoticed.
        """
        while True:
            await asyncio.sleep(RESTART_PAUSE_SECONDS)
            try:
                process = await self._run(program)
                self._changed()
            except Exception as error:  # noqa: BLE001  as above
                log.warning("process_not_ready", program=program.name, reason=repr(error))
                await self._processes[program.name].stop()
            else:
                return process

    async def _stop(self, program: Program) -> None:
        for other in self._programs.values():
            if program.name in other.after:
                await self._stopped[other.name].wait()
        if process := self._processes.get(program.name):
            status = await process.stop()
            log.info("process_stopped", program=program.name, status=status)
        self._stopped[program.name].set()


class PartMissing(CannotRun):
    """A part is not available or does not run on this machine."""


class Unready(CannotRun):
    """A process ended, or took too long, before it was ready."""
