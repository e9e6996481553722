"""`bmt down`: stop what `bmt up` started."""

import os
import signal
import time
from pathlib import Path

import typer

from bmt.cli.options import DEFAULT_DATA, Data
from bmt.cli.outcome import reported

PATIENCE_SECONDS = 90
SECONDS_BETWEEN_LOOKS = 0.1


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop everything that runs on a data directory; the data stays."""
    with reported():
        from evaluation.layout import Layout, holder  # noqa: PLC0415 - the command starts fast

        layout = Layout.at(data)
        supervisor = holder(layout.lock_file)
        if supervisor is None:
            typer.echo(f"Nothing runs on {layout.root}")
            return
        os.kill(supervisor, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _lives(supervisor):
            if time.monotonic() > deadline:
                os.kill(supervisor, signal.SIGKILL)  # its children die with it
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
        typer.echo(f"Stopped; the data stays in {layout.root}")


def _lives(pid: int) -> bool:
    """Whether the process runs; an ended one that was not waited for has no executable."""
    return Path(f"/proc/{pid}/exe").exists()
