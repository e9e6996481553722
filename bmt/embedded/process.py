"""One running process: started with its log, waited for, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bmt.embedded.errors import Unready
from bmt.embedded.program import Program

TETHER = Path(__file__).with_name("tether.py")
PAUSE_BETWEEN_PROBES = 0.05


class Process:
    """A program that was started, with the same life as ours: it dies when we do."""

    def __init__(self, program: Program, child: asyncio.subprocess.Process, log: Path) -> None:
        self.program = program
        self.log = log
        self._child = child

    @classmethod
    async def start(cls, program: Program, logs: Path) -> "Process":
        """Start it with its output appended to `<logs>/<name>.log`; does not wait for readiness."""
        log = _log(logs, program.name)
        with log.open("ab") as output:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(TETHER), str(os.getpid())),
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=program.folder,
                env=environment(program.environment),
                start_new_session=True,  # an interrupt at the terminal reaches us alone
            )
        return cls(program, child, log)

    @property
    def pid(self) -> int:
        """The process id, which is the program's own."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._child.returncode is None

    async def ended(self) -> int:
        """Wait for its end; its exit status, negative for a signal."""
        return await self._child.wait()

    async def become_ready(self) -> None:
        """Wait until the program's probe says yes.

        Raises:
            Unready: it ended, or its patience ran out; the message quotes its last words.
        """
        deadline = time.monotonic() + self.program.patience
        while not await self.program.ready():
            if not self.running:
                raise Unready(f"{self.program.name} ended at its start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise Unready(
                    f"{self.program.name} was not ready after {self.program.patience:g} s: "
                    f"{self._last_words()}"
                )
            await asyncio.sleep(PAUSE_BETWEEN_PROBES)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(number)

    async def stop(self) -> int:
        """Ask it to end (SIGTERM), kill it when its grace is over; its exit status."""
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
    """Prepare, start, settle and at the end stop one program by itself, as tests need it."""
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
    """The machine's environment with `added` on top, and with loopback kept off any proxy."""
    own = dict(os.environ)
    direct = ",".join(filter(None, (own.get("NO_PROXY"), "127.0.0.1,localhost")))
    return own | {"NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1"} | dict(added)
