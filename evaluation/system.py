"""The parts of one system with their ports and passwords."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bmt.rights import mongodb_rights
from bmt.rights.kafka_rights import table
from evaluation.issuer import Issuer
from evaluation.kafka import Kafka, Node
from evaluation.layout import Layout, accounts_file, passwords
from evaluation.mail import Mail
from evaluation.mongodb import MongoDB
from evaluation.ports import HOST, ONE_OF_EACH, Ports, Scale, answers, numbered
from evaluation.storage import Storage
from evaluation.supervisor import Program


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
