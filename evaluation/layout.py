"""The files of one running system, those of the repository that it starts with, and its random passwords and keys."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.connections import DataFolder
from services.records.tree.checkpoints import KeyUnusable, Signer

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


def passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    """A password for each name, from the file; missing ones are made and added.

    They are hexadecimal: safe in a URI, a shell and a configuration file.
    """
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {name: secrets.token_hex(16) for name in names if name not in known}
    if made:
        _write(file, known | made)
    return known | made


def _write(file: Path, content: dict[str, str]) -> None:
    """Atomic: a half-written file would lock everybody out of the stored data."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites


KEY_BYTES: Final = 32


def secret_key(file: Path) -> Path:
    """The file of a key, which is made if it is missing."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(f"{new_key()}\n")
        os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
    return file


def new_key() -> str:
    """A key in base64, for `BMT_RECORDS_KEY` and `BMT_SESSION_KEY`."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


ORIGIN: Final = "bmt.records"


def ledger_keys(file: Path, verifiers: Path) -> Path:
    """The file of private keys, which is made if it is missing. Every public half that there ever was stays beside it.

    Raises:
        WrongConfiguration: a key cannot be used.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = file.read_text() if file.exists() else pem(Ed25519PrivateKey.generate())
    known = verifiers.read_text() if verifiers.exists() else ""
    try:
        own = [str(verifier) for verifier in Signer.from_pem(ORIGIN, keys).verifiers]
    except KeyUnusable as error:
        raise WrongConfiguration(f"{file}: {error}") from None
    verifiers.write_text(known + "".join(f"{key}\n" for key in own if key not in known))
    if not file.exists():
        _write_keys(file, keys)
    return file


def pem(key: Ed25519PrivateKey) -> str:
    """PKCS#8, for `BMT_LEDGER_KEYS`."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


def _write_keys(file: Path, keys: str) -> None:
    """Atomic: the file exists only once the public half does."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(keys)
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
