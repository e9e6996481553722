"""Running `bmt up` in the foreground or background, and printing its addresses and tokens."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from rich.console import Console
from rich.table import Table

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.observability import set_up_logs
from bmt.cli.command_line import CannotRun, Exit
from evaluation import machine, ready_file, sandbox, services
from evaluation.issuer import mint, samples
from evaluation.layout import Layout, locked
from evaluation.ports import ONE_OF_EACH, Ports, Scale
from evaluation.ready_file import Document
from evaluation.services import System
from evaluation.supervisor import PartMissing, Program, Supervisor

SECONDS_BETWEEN_LOOKS: Final = 0.5
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
log = structlog.get_logger()


class Evaluation:
    """One system with its ready files."""

    def __init__(
        self,
        layout: Layout,
        ports: Ports,
        files: Sequence[Path] = (),
        *,
        scale: Scale = ONE_OF_EACH,
        parts_only: bool = False,
        rules: Path | None = None,
    ) -> None:
        """`files` are further ready files; `parts_only` leaves the services out; `layout` must exist.

        `rules` are those by which the administrator of a sandbox decides.
        """
        self._system = System(layout, ports, scale)
        self._files = (layout.ready_file, *files)
        programs = _programs(self._system, parts_only=parts_only)
        if rules is not None:
            programs.append(sandbox.administrator(layout, rules))
        self._supervisor = Supervisor(programs, layout.logs, self._write)

    async def run(self, on_ready: Callable[[Document], None]) -> None:
        """Run until a signal; `on_ready` is called with the ready file's content.

        Raises:
            CannotRun: the system cannot start; nothing is left running.
        """
        layout, ports = self._system.layout, self._system.ports
        with locked(layout.lock_file):
            self._forget()
            await ports.refuse_taken(self._system.scale)
            layout.keep_nodes(self._system.scale.nodes)
            layout.base_file.write_text(f"{ports.base}\n")
            stop = _stop_signalled()
            try:
                if await _unless(stop, self._supervisor.start()):
                    self._write()
                    on_ready(self._document())
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


CONTENTS = ("Part", "Address", "How to come in")
PAGES = (
    "/my/ for users, /console/ for administrators and agency managers, /audit/ for auditors, "
    "/health/ for operators, /status/ for anybody"
)


def announce(console: Console, document: Document, rules: Path | None) -> None:
    """Print the addresses and, of a sandbox, what an integrator needs; else ready-made tokens."""
    console.print(_addresses(document))
    if rules is not None:
        sandbox.announce(console, document, rules)
    elif document["services"]:
        _print_tokens(console, document)


def _addresses(document: Document) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in CONTENTS:
        table.add_column(heading, overflow="fold")
    for name, service in document["services"].items():
        table.add_row(name, service["url"], "bearer token; /docs")
    if document["web"]:
        table.add_row("web", document["web"]["url"], PAGES)
    kafka, ipms, storage = document["kafka"], document["ipms"], document["storage"]
    users = ", ".join(kafka["principals"])
    table.add_row("kafka", kafka["bootstrap_servers"], f"{kafka['sasl_mechanism']}: {users}")
    table.add_row("mongodb", document["mongodb"]["uri"].rpartition("@")[2], "")
    table.add_row("mail", document["mail"]["smtp"], f"kept in {document['mail']['maildir']}/new")
    table.add_row("ipms", ipms["url"], "SCIM; bearer token")
    table.add_row("storage", storage["url"], f"WebDAV; {storage['user']} and the owners")
    table.add_row("issuer", document["issuer"], "OIDC discovery")
    table.add_row("ready file", f"{document['data']}/ready.json", "all passwords")
    return table


def _print_tokens(console: Console, document: Document) -> None:
    key = Layout.at(Path(document["data"])).root / "issuer" / "key.json"
    minter = mint(document["issuer"], key)
    console.print("\nTokens for eight hours (others: bmt token)")
    for holder in samples():
        role = ", ".join(holder.roles)
        console.print(f"\n{role} {holder.subject} {holder.agency}", style="bold", soft_wrap=True)
        console.print(minter.token(holder), soft_wrap=True, highlight=False)


SECONDS_BETWEEN_TRIES: Final = 0.1


def run(
    layout: Layout,
    ports: Ports,
    files: Sequence[Path],
    *,
    scale: Scale,
    parts_only: bool,
    quiet: bool,
    detach: bool,
    rules: Path | None = None,
) -> None:
    """Run until a signal; `detach` does so in the background, and returns when all is ready.

    Raises:
        CannotRun: the system cannot start; nothing is left running.
    """
    console = Console(quiet=quiet)
    machine.refuse_unfit()
    machine.classpath()  # here, where its progress is visible
    layout.make()
    errors = layout.logs / "up.log"
    if detach and (child := os.fork()):
        with console.status("Starting"):
            document = _wait(layout, child, errors)
        announce(console, document, rules)
        console.print(f"bmt down --data {layout.root} stops it.", style="dim", soft_wrap=True)
        return
    if detach:
        _go_to_the_background(errors)
        console = Console(quiet=True)
    # never closed: libraries log until the exit
    log = (layout.logs / "supervisor.log").open("a", buffering=1)
    set_up_logs("supervisor", stream=log)
    with console.status("Starting") as status:

        def on_ready(document: Document) -> None:
            status.stop()
            announce(console, document, rules)
            console.print("Ctrl-C stops everything; the data stays.", style="dim")

        evaluation = Evaluation(
            layout, ports, files, scale=scale, parts_only=parts_only, rules=rules
        )
        asyncio.run(evaluation.run(on_ready))


def _go_to_the_background(errors: Path) -> None:
    os.setsid()
    with errors.open("w") as output, Path(os.devnull).open() as nothing:
        for descriptor, file in enumerate((nothing, output, output)):
            os.dup2(file.fileno(), descriptor)


def _wait(layout: Layout, child: int, errors: Path) -> Document:
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        document = _ready(layout.ready_file)
        if document and document["supervisor"]["pid"] == child:
            return document
        time.sleep(SECONDS_BETWEEN_TRIES)
    raise _failure(errors.read_text().strip(), os.waitstatus_to_exitcode(ended[1]))


def _ready(file: Path) -> Document | None:
    try:
        document: Document = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return document


def _failure(output: str, status: int) -> CannotRun | WrongConfiguration:
    lines = output.splitlines() or [f"it ended with {status}"]
    line = next((each for each in lines if each.startswith("bmt: ")), lines[-1])
    kind = WrongConfiguration if status == Exit.WRONG_USE else PartMissing
    return kind(line.removeprefix("bmt: "))
