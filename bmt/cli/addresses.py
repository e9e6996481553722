"""The data directory of `bmt up`, and addresses of Kafka and MongoDB: from the environment, else of the system in such a directory."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

from pydantic import Field, SecretStr

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.settings import SUFFIX, KafkaSettings, MongodbSettings, Settings, load
from bmt.cli.command_line import NotRunning
from bmt.contracts.topics import WRITERS
from bmt.rights.mongodb_rights import PRUNER, RECONCILER, WEB


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


class OperatorKafka(KafkaSettings):
    """Access to Kafka for a user who may read every topic."""

    service: ClassVar[str] = "operator"


class OperatorMongodb(MongodbSettings):
    """Access to MongoDB for a user who may change the services' databases."""


class RecordsKey(Settings):
    """The key that opens sealed records, for verification."""

    records_key: SecretStr | None = Field(
        default=None, description="As records has it: keys in base64, a line each."
    )


KAFKA: Final = "BMT_KAFKA_BOOTSTRAP_SERVERS"
MONGODB: Final = "BMT_MONGODB_URI"
ADMIN: Final = "admin"


@dataclass(frozen=True)
class KafkaAddress:
    """The options of any aiokafka client, and the prefix of every topic."""

    options: Mapping[str, Any]
    prefix: str = ""

    @property
    def servers(self) -> str:
        return str(self.options["bootstrap_servers"])


@dataclass(frozen=True)
class MongodbAddress:
    """The URI with its password, the prefix of every database, and TLS options beyond the URI."""

    uri: str
    prefix: str = "bmt_"
    tls: Mapping[str, Any] = field(default_factory=dict)


def kafka(data: Path) -> KafkaAddress:
    """Kafka, for an administrator.

    Raises:
        WrongConfiguration: only MongoDB's address is in the environment.
        NotRunning: no address is, and no system runs on `data`.
    """
    if in_environment(KAFKA, other=MONGODB):
        settings = load(OperatorKafka)
        return KafkaAddress(settings.kafka_client_options(), settings.topic_prefix)
    folder = DataFolder.at(data)
    said = _ready(folder)["kafka"]
    password = json.loads(folder.passwords_file.read_text())[f"kafka.{ADMIN}"]
    return KafkaAddress(
        {
            "bootstrap_servers": said["bootstrap_servers"],
            "client_id": "bmt-operator",
            "security_protocol": said["security_protocol"],
            "sasl_mechanism": said["sasl_mechanism"],
            "sasl_plain_username": ADMIN,
            "sasl_plain_password": password,
        }
    )


def mongodb(data: Path) -> MongodbAddress:
    """MongoDB, for an administrator; raises as `kafka`."""
    if in_environment(MONGODB, other=KAFKA):
        settings = load(OperatorMongodb)
        return MongodbAddress(
            settings.mongodb_uri.get_secret_value(),
            settings.database_prefix,
            settings.mongodb_tls(),
        )
    return MongodbAddress(_ready(DataFolder.at(data))["mongodb"]["uri"])


def pruner(data: Path) -> MongodbAddress:
    """MongoDB, for the user who may prune; raises as `kafka`."""
    return _mongodb_as(PRUNER, data)


def reconciler(data: Path) -> MongodbAddress:
    """MongoDB, for the user who compares what was published and recorded; raises as `kafka`."""
    return _mongodb_as(RECONCILER, data)


def _mongodb_as(user: str, data: Path) -> MongodbAddress:
    """The URI of the environment with whatever user it names; else this user of the data directory's system."""
    if os.environ.get(MONGODB) or os.environ.get(MONGODB + SUFFIX):
        return mongodb(data)
    folder = DataFolder.at(data)
    place = _ready(folder)["mongodb"]["uri"].rpartition("@")[2]
    password = json.loads(folder.passwords_file.read_text())[f"mongodb.{user}"]
    return MongodbAddress(f"mongodb://{user}:{quote(password)}@{place}")


def processes(data: Path) -> Mapping[str, str]:
    """Where each service and the pages answer, as far as that is known."""
    names = (*WRITERS.values(), WEB)
    urls = {name: os.environ.get(f"BMT_{name.upper()}_URL", "").rstrip("/") for name in names}
    if named := {name: url for name, url in urls.items() if url}:
        return named
    if os.environ.get(MONGODB) or os.environ.get(MONGODB + SUFFIX):
        return {}
    ready = _ready(DataFolder.at(data))
    found = {**ready["services"], **({WEB: ready[WEB]} if ready.get(WEB) else {})}
    return {name: said["url"] for name, said in found.items()}


def in_environment(name: str, *, other: str) -> bool:
    """Whether the address is set. Only one of the two would mix up two systems."""
    if os.environ.get(name) or os.environ.get(name + SUFFIX):
        return True
    if os.environ.get(other) or os.environ.get(other + SUFFIX):
        raise WrongConfiguration(f"{name} is missing: {other} is set, and both lead to one system")
    return False


def _ready(folder: DataFolder) -> Any:
    try:
        return folder.ready()
    except NotRunning as error:
        raise NotRunning(f"{error}; another's address goes into {KAFKA} and {MONGODB}") from None
