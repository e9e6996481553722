"""The system in a session of its own, outliving the terminal."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bmt.cli.announcement import Document, announce
from bmt.embedded import jars, machine
from bmt.embedded.errors import CannotRun, PartMissing, WrongConfiguration
from bmt.embedded.layout import Layout
from bmt.embedded.ports import Ports

SECONDS_BETWEEN_LOOKS = 0.1


def run(
    layout: Layout, ports: Ports, files: Sequence[Path], *, parts_only: bool, quiet: bool
) -> None:
    """Start `bmt up` in the background; return when it is ready.

    Raises:
        CannotRun: as the background process said.
    """
    console = Console(quiet=quiet)
    machine.refuse_unfit()
    jars.classpath()  # here, where its progress is seen
    layout.make()
    errors = layout.logs / "up.log"
    with errors.open("w") as output, console.status("Starting"):
        child = subprocess.Popen(  # noqa: S603 - ourselves
            _command(layout, ports, files, parts_only=parts_only),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        document = _wait(layout, child, errors)
    announce(console, document)
    console.print(f"bmt down --data {layout.root} stops it.", style="dim", soft_wrap=True)


def _command(layout: Layout, ports: Ports, files: Sequence[Path], *, parts_only: bool) -> list[str]:
    return [
        *(sys.executable, "-m", "bmt.cli.main", "up", "--quiet"),
        *("--data", str(layout.root), "--port-base", str(ports.base)),
        *(argument for file in files for argument in ("--ready-file", str(file))),
        *(["--parts-only"] if parts_only else []),
    ]


def _wait(layout: Layout, child: subprocess.Popen[bytes], errors: Path) -> Document:
    while (status := child.poll()) is None:
        document = _ready(layout.ready_file)
        if document and document["supervisor"]["pid"] == child.pid:
            return document
        time.sleep(SECONDS_BETWEEN_LOOKS)
    raise _as_said(errors.read_text().strip(), status)


def _ready(file: Path) -> Document | None:
    try:
        document: Document = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return document


def _as_said(words: str, status: int) -> CannotRun:
    lines = words.splitlines() or [f"it ended with {status}"]
    line = next((each for each in lines if each.startswith("bmt: ")), lines[-1])
    kind = WrongConfiguration if status == WrongConfiguration.exit_code else PartMissing
    return kind(line.removeprefix("bmt: "))
