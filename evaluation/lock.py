"""One supervisor a data directory: a lock on the file with its process id."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bmt.chassis.errors import WrongConfiguration


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the file, with our process id in it. The kernel releases it when we die.

    Raises:
        WrongConfiguration: another process holds it.
    """
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongConfiguration(
                f"a system runs on {file.parent} already (process {file.read_text().strip()}): "
                f"use it, stop it with `bmt down`, or choose another --data"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)


def holder(file: Path) -> int | None:
    """The process that holds the file, if any."""
    if not file.exists():
        return None
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = lock.read().strip()
            return int(text) if text else None
    return None
