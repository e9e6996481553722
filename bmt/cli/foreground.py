"""The system as a child of the terminal: it ends with an interrupt."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bmt.chassis.runtime.logs import set_up_logs
from bmt.cli.announcement import announce
from bmt.embedded import jars, machine
from bmt.embedded.evaluation import Evaluation
from bmt.embedded.layout import Layout
from bmt.embedded.ports import Ports
from bmt.embedded.ready_file import Document


def run(
    layout: Layout, ports: Ports, files: Sequence[Path], *, parts_only: bool, quiet: bool
) -> None:
    """Run until a signal says to stop.

    Raises:
        CannotRun: something stands in the way; nothing is left running.
    """
    console = Console(quiet=quiet)
    machine.refuse_unfit()
    jars.classpath()
    layout.make()
    # never closed: libraries log to the very end
    log = (layout.logs / "supervisor.log").open("a", buffering=1)
    set_up_logs("supervisor", stream=log)
    with console.status("Starting") as status:

        def told_ready(document: Document) -> None:
            status.stop()
            announce(console, document)
            console.print("Ctrl-C stops everything; the data stays.", style="dim")

        evaluation = Evaluation(layout, ports, files, parts_only=parts_only)
        asyncio.run(evaluation.run(told_ready))
