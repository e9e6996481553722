"""The data directory of `bmt up`: the addresses of its system, and its keys."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bmt.cli.command_line import NotRunning


@dataclass(frozen=True)
class DataFolder:
    """The data directory of a system on this machine. It survives a stop; a second start continues from it."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> Self:
        return cls(folder.absolute())

    @property
    def ready_file(self) -> Path:
        """All addresses; it exists while the system is up."""
        return self.root / "ready.json"

    @property
    def passwords_file(self) -> Path:
        return self.root / "passwords.json"

    @property
    def records_key_file(self) -> Path:
        """The key that encrypts the record's personal keys."""
        return self.root / "records" / "people.key"

    @property
    def ledger_verifiers_file(self) -> Path:
        """The public keys of the ledger's checkpoints, one a line, for auditors."""
        return self.root / "records" / "ledger.vkeys"

    @property
    def ledger_keys_file(self) -> Path:
        """The private keys that sign the ledger's checkpoints."""
        return self.root / "records" / "ledger-keys.pem"

    def session_key_file(self, service: str) -> Path:
        """The key that signs the cookies of a service's pages."""
        return self.root / service / "session.key"

    @property
    def status_code_key_file(self) -> Path:
        """The key of acknowledgement codes, shared by intake and notification."""
        return self.root / "intake" / "status-code.key"

    def keys_of_the_data(self) -> list[Path]:
        """What opens and continues the services' data, wherever that is restored."""
        return [
            *(self.ledger_keys_file, self.ledger_verifiers_file, self.records_key_file),
            *(self.status_code_key_file, self.session_key_file("web")),
        ]

    def secret_files(self) -> list[Path]:
        """Passwords and private keys, which nobody but their owner may read."""
        broker = self.root / "kafka" / "server.properties"
        member, issuer = self.root / "mongodb" / "key", self.root / "issuer" / "key.json"
        return [
            *(self.passwords_file, self.ledger_keys_file, self.records_key_file),
            *(self.status_code_key_file, self.session_key_file("web")),
            *(broker, member, issuer),
        ]

    def ready(self) -> Any:
        """The addresses of the running system.

        Raises:
            NotRunning: it does not run.
        """
        try:
            return json.loads(self.ready_file.read_text())
        except FileNotFoundError:
            raise NotRunning(f"no system runs on {self.root}: `bmt up` starts one") from None
