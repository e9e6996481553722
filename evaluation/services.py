"""The parts of one system with their ports and passwords, and the processes of this project as one literal table."""

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bmt.rights import mongodb_rights
from bmt.rights.kafka_rights import STATISTICS, table
from bmt.rights.mongodb_rights import RECONCILER, WEB
from evaluation.issuer import API_AUDIENCE, Issuer
from evaluation.kafka import MECHANISM, PROTOCOL, Kafka, Node
from evaluation.layout import (
    ORIGIN,
    Layout,
    accounts_file,
    agencies_file,
    ledger_keys,
    passwords,
    secret_key,
)
from evaluation.mail import Mail
from evaluation.mongodb import MongoDB
from evaluation.ports import HOST, ONE_OF_EACH, Ports, Scale, answers, listening, numbered
from evaluation.storage import ADMIN, Storage
from evaluation.supervisor import Probe, Program


class System:
    """Kafka, MongoDB, mail, IPMS, storage and issuer of one data directory."""

    def __init__(self, layout: Layout, ports: Ports, scale: Scale = ONE_OF_EACH) -> None:
        self.layout = layout
        self.ports = ports
        self.scale = scale
        root, numbers = layout.root, range(1, scale.nodes + 1)
        self.kafka = Kafka(
            root / "kafka",
            [
                Node(ports[numbered("kafka", each)], ports[numbered("kafka-controller", each)])
                for each in numbers
            ],
            self._passwords("kafka", ("admin", "controller", *table().principals)),
        )
        self.mongodb = MongoDB(
            root / "mongodb",
            [ports[numbered("mongodb", each)] for each in numbers],
            self._passwords("mongodb", ("admin", *mongodb_rights.USERS)),
        )
        self.mail = Mail(root / "mail", ports["mail"])
        self.ipms = Ipms(
            root / "ipms" / "accounts.jsonl",
            ports["ipms"],
            self._passwords("ipms", ("client",))["client"],
            accounts_file(),
        )
        self.storage = Storage(
            root / "storage",
            ports["storage"],
            self._passwords("storage", ("admin",))["admin"],
        )
        self.issuer = Issuer(root / "issuer" / "key.json", ports["issuer"])

    def programs(self) -> list[Program]:
        """None needs another."""
        others = (self.mail, self.ipms, self.storage, self.issuer)
        return [
            *self.kafka.programs(),
            *self.mongodb.programs(),
            *(part.program() for part in others),
        ]

    def _passwords(self, part: str, users: Iterable[str]) -> dict[str, str]:
        """The passwords of one part's users, by user; each part has its own."""
        names = {user: f"{part}.{user}" for user in users}
        known = passwords(self.layout.passwords_file, names.values())
        return {user: known[name] for user, name in names.items()}


@dataclass(frozen=True)
class Ipms:
    """The substitute for IPMS: a SCIM 2.0 server (RFC 7643, 7644) under `/v2`, run by `ipms_server`.

    An account in it is registered, an active one is serving. Our service is the extension
    `urn:ietf:params:scim:schemas:extension:bmt:2.0:User`.

    Attributes:
        journal: the file that keeps its resources.
        accounts: the YAML file of the accounts that it starts with.
    """

    journal: Path
    port: int
    token: str
    accounts: Path

    @property
    def url(self) -> str:
        """Users are at `{url}/Users`."""
        return f"http://{HOST}:{self.port}/v2"

    def program(self) -> Program:
        return Program(
            name="ipms",
            command=(
                *(sys.executable, "-m", "evaluation.ipms_server"),
                *("--port", str(self.port), "--journal", str(self.journal)),
                *("--accounts", str(self.accounts)),
            ),
            environment={"BMT_IPMS_TOKEN": self.token},
            ready=self._ready,
        )

    async def _ready(self) -> bool:
        return await answers(f"{self.url}/ServiceProviderConfig")


Environment = Mapping[str, str]

SENDER: Final = "bmt@mygovuc.gov.my"
DIRECTORY_REFRESH_SECONDS: Final = 5
CHECKPOINT_SECONDS: Final = 2
SESSION_RECHECK_SECONDS: Final = 60
SEAL_MEMORY_SECONDS: Final = 5
RECONCILIATION: Final = "reconciliation"
RECONCILED_EVERY_SECONDS: Final = 30
INTEGRATORS: Final = {"hrmis": ["MAMPU"]}


def _ipms(system: System) -> Environment:
    return {"BMT_IPMS_URL": system.ipms.url, "BMT_IPMS_TOKEN": system.ipms.token}


def _intake(system: System) -> Environment:
    return {
        **_ipms(system),
        **_status_codes(system),
        "BMT_APPROVAL_URL": system.ports.url("approval"),
        "BMT_DIRECTORY_REFRESH_SECONDS": str(DIRECTORY_REFRESH_SECONDS),
        "BMT_INTEGRATORS": os.environ.get("BMT_INTEGRATORS") or json.dumps(INTEGRATORS),
        "BMT_SMTP_SENDER": SENDER,
    }


def _provisioning(system: System) -> Environment:
    return {
        **_ipms(system),
        "BMT_STORAGE_URL": system.storage.url,
        "BMT_STORAGE_USER": ADMIN,
        "BMT_STORAGE_PASSWORD": system.storage.password,
        "BMT_STORAGE_VOLUMES": str(system.storage.volumes),
    }


def _notification(system: System) -> Environment:
    return {
        "BMT_SMTP_HOST": HOST,
        "BMT_SMTP_PORT": str(system.mail.port),
        "BMT_SMTP_SENDER": SENDER,
        **_status_codes(system),
    }


def _records(system: System) -> Environment:
    layout = system.layout
    keys = ledger_keys(layout.ledger_keys_file, layout.ledger_verifiers_file)
    return {
        "BMT_LEDGER_ORIGIN": ORIGIN,
        "BMT_LEDGER_KEYS_FILE": str(keys),
        "BMT_RECORDS_KEY_FILE": str(secret_key(layout.records_key_file)),
        "BMT_CHECKPOINT_SECONDS": str(CHECKPOINT_SECONDS),
        "BMT_SEAL_MEMORY_SECONDS": str(SEAL_MEMORY_SECONDS),
    }


def _approval(_: System) -> Environment:
    return {}


def _status_codes(system: System) -> Environment:
    return {"BMT_STATUS_CODE_KEY_FILE": str(secret_key(system.layout.status_code_key_file))}


SERVICES: Final[Mapping[str, Callable[[System], Environment]]] = {
    "intake": _intake,
    "approval": _approval,
    "provisioning": _provisioning,
    "notification": _notification,
    "records": _records,
}
"""Each service with the variables that only it needs."""


def programs(system: System) -> list[Program]:
    """The five services and the pages, with their replicas; the statistics and the reconciliation."""
    replicated = [*(_service(system, name) for name in SERVICES), _web(system)]
    every = [
        *(each for program in replicated for each in _replicas(system, program)),
        _statistics(system),
        _reconciliation(system),
    ]
    # They all start together.
    return [replace(each, patience=each.patience * system.scale.replicas) for each in every]


def _every_part(system: System) -> list[str]:
    return [program.name for program in system.programs()]


def _replicas(system: System, program: Program) -> Iterator[Program]:
    """The program itself, or replicas that share its port: each is known to be ready by a port of its own."""
    if system.scale.replicas == 1:
        yield program
        return
    for number in range(1, system.scale.replicas + 1):
        own = f"{program.name} replica {number}"
        ports = {
            "BMT_PORT": str(system.ports[own]),
            "BMT_SHARED_PORT": str(system.ports[program.name]),
        }
        yield replace(
            program,
            name=numbered(program.name, number),
            environment={**program.environment, **ports},
            ready=_answers_ready(system.ports.url(own)),
        )


def environment(system: System, name: str) -> dict[str, str]:
    """The variables of one service that follow from the parts; others are inherited."""
    return {
        **_http(system, name),
        **_kafka(system, name),
        "BMT_WEB_URL": system.ports.url(WEB),
        **SERVICES[name](system),
    }


def _http(system: System, name: str) -> Environment:
    return {
        "BMT_HOST": HOST,
        "BMT_PORT": str(system.ports[name]),
        "BMT_MONGODB_URI": system.mongodb.uri(name),
        "BMT_DATABASE_PREFIX": "",  # the rights are for databases with the usual one
        "BMT_ISSUER": system.issuer.url,
        "BMT_ALLOW_HTTP": "true",  # nothing leaves the machine
        "BMT_AUDIENCE": API_AUDIENCE,
        "BMT_AGENCIES_FILE": str(agencies_file()),
    }


def _kafka(system: System, user: str) -> Environment:
    return {
        "BMT_KAFKA_BOOTSTRAP_SERVERS": system.kafka.bootstrap_servers,
        "BMT_KAFKA_SECURITY_PROTOCOL": PROTOCOL,
        "BMT_KAFKA_SASL_MECHANISM": MECHANISM,
        "BMT_KAFKA_USERNAME": user,
        "BMT_KAFKA_PASSWORD": system.kafka.passwords[user],
        "BMT_TOPIC_PREFIX": "",  # the rights are for topics without one
    }


def _service(system: System, name: str) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-m", f"services.{name}.main"),
        environment=environment(system, name),
        ready=_answers_ready(system.ports.url(name)),
        after=_every_part(system),
    )


def _web(system: System) -> Program:
    return Program(
        name=WEB,
        command=(sys.executable, "-m", "web.main"),
        environment={
            **_http(system, WEB),
            "BMT_PUBLIC_URL": system.ports.url(WEB),
            "BMT_SESSION_KEY_FILE": str(secret_key(system.layout.session_key_file(WEB))),
            "BMT_SESSION_RECHECK_SECONDS": str(SESSION_RECHECK_SECONDS),
            **{f"BMT_{name.upper()}_URL": system.ports.url(name) for name in SERVICES},
            "BMT_STATISTICS_URL": system.ports.url(STATISTICS),
        },
        ready=_answers_ready(system.ports.url(WEB)),
        after=_every_part(system),
    )


def _statistics(system: System) -> Program:
    port = system.ports[STATISTICS]

    async def ready() -> bool:
        return await listening(port)

    return Program(
        name=STATISTICS,
        command=(sys.executable, "-m", "services.records.statistics.main"),
        environment={
            **_kafka(system, STATISTICS),
            "BMT_PORT": str(port),
        },
        ready=ready,
        after=_every_part(system),
    )


def _reconciliation(system: System) -> Program:
    port = system.ports[RECONCILIATION]

    async def ready() -> bool:
        return await listening(port)

    every = ("--every-seconds", str(RECONCILED_EVERY_SECONDS))
    return Program(
        name=RECONCILIATION,
        command=(
            *(sys.executable, "-m", "bmt.cli.main", "status", "--republish"),
            *every,
            *("--metrics-port", str(port)),
        ),
        environment={"BMT_MONGODB_URI": system.mongodb.uri(RECONCILER)},
        ready=ready,
        after=_every_part(system),
    )


def _answers_ready(url: str) -> Probe:
    async def ready() -> bool:
        return await answers(f"{url}/readyz")

    return ready


def present(program: Program) -> bool:
    """Whether the module that it runs is installed."""
    try:
        return importlib.util.find_spec(program.command[2]) is not None
    except ModuleNotFoundError:  # a package above it
        return False
