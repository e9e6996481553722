"""A whole system for the time of a demonstration, on free ports and in a folder of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bmt.embedded import tether
from bmt.embedded.errors import Unready
from bmt.embedded.ports import free_base
from bmt.embedded.ready_file import Document

READY_WITHIN_SECONDS: Final = 180
STOPPED_WITHIN_SECONDS: Final = 60


@contextmanager
def running() -> Iterator[Document]:
    """What the ready file says of a new system; it is stopped and forgotten afterwards.

    Raises:
        Unready: it did not start; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="bmt-demo-") as folder:
        file = Path(folder) / "ready.json"
        process = subprocess.Popen(  # noqa: S603 - ourselves
            _command(Path(folder) / "data", file),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _ready(process, file)
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_SECONDS)


def _command(data: Path, file: Path) -> list[str]:
    up = [sys.executable, "-m", "bmt.cli.main", "up", "--quiet"]
    options = ["--data", str(data), "--ready-file", str(file), "--port-base", str(free_base())]
    return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *up, *options]


def _ready(process: "subprocess.Popen[str]", file: Path) -> Document:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not file.exists():
        if process.poll() is not None:
            said = process.stderr.read().strip() if process.stderr else ""
            raise Unready(said.removeprefix("bmt: ") or "the system ended before it was ready")
        if time.monotonic() > deadline:
            raise Unready(f"the system was not ready within {READY_WITHIN_SECONDS} s")
        time.sleep(0.1)
    document: Document = json.loads(file.read_text())
    return document
