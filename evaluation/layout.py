"""The files of one running system, and those of the repository that it starts with."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.data_folder import DataFolder

REPOSITORY: Final = Path(__file__).parents[1]
DEFAULT_DATA: Final = Path(".bmt")


class Layout(DataFolder):
    """A data directory, with the files that only the evaluation needs."""

    def make(self) -> None:
        """Make the directory, readable by its owner only: it holds passwords and documents.

        Raises:
            WrongConfiguration: it cannot be made.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise WrongConfiguration(f"--data {self.root}: {error.strerror}") from error

    @property
    def exists(self) -> bool:
        """Whether a system was ever started here."""
        return self.base_file.exists()

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.root / "logs"

    @property
    def lock_file(self) -> Path:
        """The supervisor's process id; locked while it lives."""
        return self.root / "supervisor.pid"

    def keep_nodes(self, nodes: int) -> None:
        """Remember of how many nodes Kafka and MongoDB are.

        Raises:
            WrongConfiguration: the data was made by another number.
        """
        file = self.root / "nodes"
        before = int(file.read_text()) if file.exists() else 1 if self.exists else nodes
        if nodes != before:
            raise WrongConfiguration(
                f"--nodes {nodes}: the data in {self.root} is of {before}; choose another --data"
            )
        file.write_text(f"{nodes}\n")

    @property
    def base_file(self) -> Path:
        """The port base of the last start."""
        return self.root / "port-base"


def agencies_file() -> Path:
    """BMT_AGENCIES_FILE, else the evaluation's."""
    own = os.environ.get("BMT_AGENCIES_FILE")
    return _there(Path(own) if own else REPOSITORY / "deploy" / "embedded" / "agencies.yaml")


def accounts_file() -> Path:
    """The accounts of a new IPMS."""
    return _there(REPOSITORY / "examples" / "accounts.yaml")


def _there(file: Path) -> Path:
    if not file.is_file():
        raise WrongConfiguration(f"{file} is not there: run bmt from a clone of the repository")
    return file.absolute()


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
