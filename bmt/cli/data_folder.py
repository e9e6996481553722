"""What `bmt up` leaves in its data directory for an operator's commands: how to reach its system, and its keys."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmt.cli.outcome import NotRunning


@dataclass(frozen=True)
class DataFolder:
    """The data directory of a system on this machine; it outlives a stop, and a second start goes on from it.

    Attributes:
        root: the directory, absolute.
    """

    root: Path

    @classmethod
    def at(cls, folder: Path) -> "DataFolder":
        """The directory as the user named it; nothing is made yet."""
        return cls(folder.absolute())

    @property
    def ready_file(self) -> Path:
        """All addresses; there while the system is up."""
        return self.root / "ready.json"

    @property
    def passwords_file(self) -> Path:
        """Every password of the system."""
        return self.root / "passwords.json"

    @property
    def records_key_file(self) -> Path:
        """The key that the people's keys of the record are kept under."""
        return self.root / "records" / "people.key"

    @property
    def ledger_verifiers_file(self) -> Path:
        """The public keys of the ledger's checkpoints, a line each: what an auditor takes away."""
        return self.root / "records" / "ledger.vkeys"

    def ready(self) -> Any:
        """The addresses of the running system.

        Raises:
            NotRunning: it does not run.
        """
        try:
            return json.loads(self.ready_file.read_text())
        except FileNotFoundError:
            raise NotRunning(f"no system runs on {self.root}: `bmt up` starts one") from None
