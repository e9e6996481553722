"""Keeps programs running: starts them in order, restarts what dies, stops them in reverse.

None outlives its supervisor, even one that is killed: see `tether`.
"""

import asyncio
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from bmt.embedded.process import Process
from bmt.embedded.program import Program

RESTART_PAUSE_SECONDS: Final = 1.0
log = structlog.get_logger()


class Supervisor:
    """The keeper of a set of programs."""

    def __init__(
        self, programs: Iterable[Program], logs: Path, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Take the programs in; none is started yet.

        Args:
            programs: each with the names of those it comes after.
            logs: the folder of their output.
            changed: told after each restart, once the program is ready again.
        """
        self._programs = {program.name: program for program in programs}
        self._logs = logs
        self._changed = changed
        self._processes: dict[str, Process] = {}
        self._ready = {name: asyncio.Event() for name in self._programs}
        self._stopped = {name: asyncio.Event() for name in self._programs}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each program that was started, by name."""
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
        """Stop everything: each program after those that came after it."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._stop(program) for program in self._programs.values()))

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process that runs under that name now; none if it has ended."""
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
        process = await Process.start(program, self._logs)
        self._processes[program.name] = process
        await process.become_ready()
        await program.settle()
        log.info("process_ready", program=program.name, pid=process.pid)
        return process

    async def _run_again(self, program: Program) -> Process:
        """Try until it is ready and told of, whatever goes wrong (a port in use, a full disk).

        Whoever gave up here would leave the program dead, and nobody the wiser.
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
