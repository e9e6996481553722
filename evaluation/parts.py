"""A whole system on one machine: what `bmt up` runs until it is told to stop."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from evaluation import ready_file, services
from evaluation.layout import Layout
from evaluation.lock import locked
from evaluation.ports import Ports
from evaluation.ready_file import Document
from evaluation.supervisor import Program, Supervisor
from evaluation.system import System

SECONDS_BETWEEN_LOOKS: Final = 0.5
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
log = structlog.get_logger()


class Evaluation:
    """One system with its ready files."""

    def __init__(
        self, layout: Layout, ports: Ports, files: Sequence[Path] = (), *, parts_only: bool = False
    ) -> None:
        """`files` are further ready files; `parts_only` leaves the services out; `layout` must exist."""
        self._system = System(layout, ports)
        self._files = (layout.ready_file, *files)
        self._supervisor = Supervisor(
            _programs(self._system, parts_only=parts_only), layout.logs, self._write
        )

    async def run(self, told_ready: Callable[[Document], None]) -> None:
        """Run until a signal; `told_ready` is called with the ready file's content.

        Raises:
            CannotRun: the system cannot start; nothing is left running.
        """
        layout, ports = self._system.layout, self._system.ports
        with locked(layout.lock_file):
            self._forget()
            await ports.refuse_taken()
            layout.base_file.write_text(f"{ports.base}\n")
            stop = _stop_signalled()
            try:
                if await _unless(stop, self._supervisor.start()):
                    self._write()
                    told_ready(self._document())
                    await _unless(stop, self._watch_volumes())
            finally:
                log.info("stopping")
                self._forget()
                await self._supervisor.stop()

    def _document(self) -> Document:
        return ready_file.document(self._system, self._supervisor.pids)

    def _write(self) -> None:
        for file in self._files:
            ready_file.write(file, self._document())

    def _forget(self) -> None:
        for file in self._files:
            ready_file.forget(file)

    async def _watch_volumes(self) -> None:
        """The ready file lists all owners, so it is written again when provisioning adds a volume."""
        known = self._system.storage.owners()
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if (owners := self._system.storage.owners()) != known:
                known = owners
                self._write()


def _programs(system: System, *, parts_only: bool) -> list[Program]:
    own = [] if parts_only else services.programs(system)
    return [*system.programs(), *(program for program in own if services.present(program))]


def _stop_signalled() -> asyncio.Event:
    """Set by the first signal; the second one ends us at once, and our children with us."""
    stop = asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, signalled)
    return stop


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; if the signal comes first, abandon it and return False."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()
        return True
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return False
