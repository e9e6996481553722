"""Starts `python -m MODULE` by forking a process that has imported what such programs share.

Imports are nine tenths of a service's start. The fork server makes them once, while it has neither an event loop nor a
thread nor a connection; each program is a fork of it with its own environment, log, session and command line. It dies
with its supervisor, and the programs die with it.
`python -m evaluation.forking MODULE...` is the server, `ForkServer` its client.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bmt.cli.command_line import CannotRun
from evaluation import tether

_ENDED: Final = {signal.SIGCHLD}


class Forked:
    """A process that the server forked, as `asyncio.subprocess.Process` is one of ours."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    def end(self, status: int) -> None:
        self.returncode = status
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None  # noqa: S101 - set before the event
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # its end is not reported yet
                os.kill(self.pid, number)


class ForkServer:
    """Forks programs of these modules. Its process starts with the first program, and again if it was killed."""

    def __init__(self, modules: Iterable[str], log: Path) -> None:
        """`log` is the file of the server's own output."""
        self._modules = tuple(dict.fromkeys(modules))
        self._log = log
        self._opening = asyncio.Lock()
        self._orders: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pending: deque[asyncio.Future[Forked]] = deque()
        self._forked: dict[int, Forked] = {}

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path | None
    ) -> Forked:
        """What `command`, which is `python -m MODULE [ARGUMENT...]`, would be.

        Raises:
            CannotRun: the server has ended; the next start starts another one.
        """
        order = {"command": command, "environment": environment, "log": log, "folder": folder}
        async with self._opening:
            orders = self._orders or await self._open()
        pending: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._pending.append(pending)
        orders.write(json.dumps(order, default=str).encode() + b"\n")
        return await pending

    async def stop(self) -> None:
        """End the server, after its programs."""
        if self._orders is not None:
            self._orders.close()
        if self._reading is not None:
            await self._reading

    async def _open(self) -> asyncio.StreamWriter:
        ours, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as output:
            server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid())),
                *(sys.executable, "-m", "evaluation.forking", *self._modules),
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        replies, self._orders = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(replies, server))
        return self._orders

    async def _read(
        self, replies: asyncio.StreamReader, server: asyncio.subprocess.Process
    ) -> None:
        """`PID` answers an order, `PID STATUS` says how one ended; without the server, all are killed."""
        with contextlib.suppress(ConnectionError):
            async for line in replies:
                self._take(*map(int, line.split()))
        self._orders = None
        last_words = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
        while self._pending:
            if not (pending := self._pending.popleft()).done():
                reason = f"the fork server ended: {last_words} (see {self._log})"
                pending.set_exception(CannotRun(reason))
        while self._forked:
            self._forked.popitem()[1].end(-signal.SIGKILL)
        await server.wait()

    def _take(self, pid: int, status: int | None = None) -> None:
        if status is not None:
            self._forked.pop(pid).end(status)
            return
        forked = self._forked[pid] = Forked(pid)
        if (pending := self._pending.popleft()).done():  # its caller no longer waits
            forked.send_signal(signal.SIGKILL)
        else:
            pending.set_result(forked)


def main(modules: Sequence[str]) -> None:
    """Fork for each order on standard input, which is a socket, and run the ordered program in the fork."""
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    for module in modules:
        del sys.modules[module]  # it is read again as `__main__`
    signal.signal(signal.SIGCHLD, _report_ended)
    own = os.getpid()
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDED)  # its start is reported before its end
        if not (pid := os.fork()):
            _become(own, **json.loads(line))
            return
        os.write(0, f"{pid}\n".encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDED)
    os._exit(0)  # there is nothing to tidy up


def _report_ended(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            os.write(0, f"{pid} {os.waitstatus_to_exitcode(status)}\n".encode())


def _become(
    parent: int, *, command: list[str], environment: dict[str, str], log: str, folder: str | None
) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDED)
    tether.tie(parent)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdin = os.fdopen(0, closefd=False)  # the other one may have read further orders
    os.chdir(folder or ".")
    os.environ.clear()
    os.environ.update(environment)
    _show(command)
    _, _, module, *sys.argv[1:] = command
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _show(command: list[str]) -> None:
    """Write it over our own command line, for `ps` (proc(5)); what is longer is cut."""
    with contextlib.suppress(OSError), Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        of_stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = map(int, of_stat[45:47])
        line = "\0".join(command).encode()[: end - start - 1]
        memory.seek(start)
        memory.write(line.ljust(end - start, b"\0"))


if __name__ == "__main__":
    main(sys.argv[1:])
