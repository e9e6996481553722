"""Where Kafka, MongoDB and the services are, and connections to them whose failures are one line for the operator.

Addresses come from the environment, else from the data directory of `bmt up`.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

import httpx
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from pydantic import Field, SecretStr

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.mongodb import (
    NOT_ALLOWED,
    Client,
    ConfigurationError,
    OperationFailure,
    RawDocument,
    connect,
    store_errors,
)
from bmt.chassis.runtime.settings import SUFFIX, KafkaSettings, MongodbSettings, Settings, load
from bmt.cli.command_line import NotRunning, NotSo
from bmt.contracts.topics import WRITERS
from bmt.contracts.values import Role, read_reference
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
    details = _ready(folder)["kafka"]
    password = json.loads(folder.passwords_file.read_text())[f"kafka.{ADMIN}"]
    return KafkaAddress(
        {
            "bootstrap_servers": details["bootstrap_servers"],
            "client_id": "bmt-operator",
            "security_protocol": details["security_protocol"],
            "sasl_mechanism": details["sasl_mechanism"],
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
    return {name: details["url"] for name, details in found.items()}


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


CONNECTED_WITHIN_SECONDS: Final = 10.0


@asynccontextmanager
async def mongodb_client(
    address: MongodbAddress, *, as_bytes: bool = False
) -> AsyncIterator[Client]:
    """A client, not connected yet. `as_bytes`: a document stays BSON until one of its fields is read.

    Raises:
        WrongConfiguration: the address is malformed, or its user lacks the rights.
        Unavailable: the server cannot be reached.
    """
    client = None
    try:
        with store_errors():
            raw = {"document_class": RawDocument} if as_bytes else {}
            client = connect(address.uri, **address.tls, **raw)
            yield client
    except ConfigurationError as error:
        raise WrongConfiguration(f"{MONGODB} is wrong: {error}") from None
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        raise WrongConfiguration(
            f"{MONGODB} is wrong: MongoDB refuses its user ({_code_name(error)})"
        ) from None
    finally:
        if client is not None:
            client.close()


@asynccontextmanager
async def kafka_consumer(address: KafkaAddress) -> AsyncIterator[Any]:
    """A consumer without a group, which leaves no trace in Kafka.

    Raises:
        NotRunning: Kafka cannot be reached, or refuses.
    """
    with silenced(), _kafka_errors(address):
        consumer = AIOKafkaConsumer(
            **address.options,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


async def kafka_topics(address: KafkaAddress) -> dict[str, list[int]]:
    """The partitions of every topic, by its full name; raises as `kafka_consumer`."""
    with silenced(), _kafka_errors(address):
        client = AIOKafkaClient(**address.options)
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                await client.bootstrap()
                cluster = await client.fetch_all_metadata()
        finally:
            await client.close()
    return {name: sorted(cluster.partitions_for_topic(name) or ()) for name in cluster.topics()}


@contextmanager
def _kafka_errors(address: KafkaAddress) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise NotRunning(
            f"kafka at {address.servers} cannot be reached ({type(error).__name__})"
        ) from None


@contextmanager
def silenced() -> Iterator[None]:
    """Suppresses logs: the command prints its own line, and JSON output stays JSON."""
    library, before = logging.getLogger("aiokafka"), structlog.get_config()
    level = library.level
    library.setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        library.setLevel(level)
        structlog.configure(**before)


def _code_name(error: OperationFailure) -> str:
    return str((error.details or {}).get("codeName", error.code))


SECONDS: Final = 60.0
TOKEN: Final = "BMT_TOKEN"  # noqa: S105  the variable's name


def access(service: str, role: Role, data: Path) -> tuple[str, str]:
    """The service's address and a token; that of a data directory's system has this role.

    Raises:
        WrongConfiguration: only one of the variables is set.
        NotRunning: none is, and no system runs on `data`.
    """
    variable = f"BMT_{service.upper()}_URL"
    url, token = os.environ.get(variable), os.environ.get(TOKEN)
    if url and token:
        return url.rstrip("/"), token
    if url or token:
        raise WrongConfiguration(f"{variable} and {TOKEN} go together: one of them is missing")
    url = DataFolder.at(data).ready()["services"][service]["url"]
    return url, _token_of_its_issuer(role, data)


def _token_of_its_issuer(role: Role, data: Path) -> str:
    """Runs `bmt token`: the evaluation's issuer may not be installed."""
    command = (sys.executable, "-m", "bmt.cli.main", "token", "--role", role, "--data", str(data))
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if answer.returncode:
        raise WrongConfiguration(answer.stderr.strip().removeprefix("bmt: "))
    return answer.stdout.strip()


def refusal(service: str, answer: httpx.Response) -> str:
    """The service's problem, in one line."""
    try:
        problem = json.loads(answer.read())
    except ValueError:
        return f"{service} answered {answer.status_code}"
    return f"{problem.get('type', '').rpartition(':')[2]}: {problem.get('detail', '')}"


def call(
    method: str, service: str, path: str, role: Role, data: Path, **options: Any
) -> httpx.Response:
    """The service's answer.

    Raises:
        NotSo: it refuses.
        NotRunning: it does not answer, or no system runs on `data`.
        WrongConfiguration: only one of the variables is set.
    """
    url, token = access(service, role, data)
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False) as client:
            answer = client.request(method, f"{url}{path}", headers=headers, **options)
    except httpx.HTTPError as error:
        raise NotRunning(f"{service} at {url} does not answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotSo(refusal(service, answer))
    return answer


def id_of(typed: str, data: Path) -> str:
    """The request's id, if a reference was typed; else what was typed.

    Raises:
        NotSo: records has no such reference for this caller.
        NotRunning, WrongConfiguration: as `fetch`.
    """
    if (reference := read_reference(typed)) is None:
        return typed
    answer = call("GET", "records", "/v1/records", "auditor", data, params={"q": reference})
    found = [one for one in answer.json()["items"] if one["reference"] == reference]
    if len(found) != 1:
        raise NotSo(f"{len(found)} files have the reference {reference}: name the request's id")
    return str(found[0]["request_id"])


def fetch(
    path: str, target: Path, data: Path, parameters: Mapping[str, str] = MappingProxyType({})
) -> int:
    """Write the answer of records at `path` to `target`, whole or not at all; returns its size in bytes.

    Raises:
        NotSo: records refuses: there is no such thing for this caller, or not yet.
        NotRunning: records does not answer.
        WrongConfiguration: only one of the variables is set, or the target cannot be written.
    """
    url, token = access("records", "auditor", data)
    aside = target.with_name(f"{target.name}.part")
    try:
        with (
            httpx.Client(timeout=SECONDS, trust_env=False) as client,
            client.stream(
                "GET",
                f"{url}{path}",
                params=parameters,
                headers={"Authorization": f"Bearer {token}"},
            ) as answer,
        ):
            if not answer.is_success:
                raise NotSo(refusal("records", answer))
            with aside.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        aside.replace(target)
    except httpx.HTTPError as error:
        aside.unlink(missing_ok=True)
        raise NotRunning(f"records at {url} does not answer ({type(error).__name__})") from None
    except OSError as error:
        raise WrongConfiguration(f"--out {target}: {error.strerror}") from None
    return target.stat().st_size
