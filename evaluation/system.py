"""The parts of one system with their ports and passwords."""

from collections.abc import Iterable

from bmt.rights import mongodb_rights
from bmt.rights.kafka_table import table
from evaluation.ipms import Ipms
from evaluation.issuer import Issuer
from evaluation.kafka import Kafka
from evaluation.layout import Layout, accounts_file
from evaluation.mail import Mail
from evaluation.mongodb import MongoDB
from evaluation.ports import Ports
from evaluation.secrets import passwords
from evaluation.storage import Storage
from evaluation.supervisor import Program


class System:
    """Kafka, MongoDB, mail, IPMS, storage and issuer of one data directory."""

    def __init__(self, layout: Layout, ports: Ports) -> None:
        self.layout = layout
        self.ports = ports
        root = layout.root
        self.kafka = Kafka(
            root / "kafka",
            ports["kafka"],
            ports["kafka-controller"],
            self._passwords("kafka", ("admin", "controller", *table().principals)),
        )
        self.mongodb = MongoDB(
            root / "mongodb",
            ports["mongodb"],
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
        parts = (self.kafka, self.mongodb, self.mail, self.ipms, self.storage, self.issuer)
        return [part.program() for part in parts]

    def _passwords(self, part: str, users: Iterable[str]) -> dict[str, str]:
        """The passwords of one part's users, by user; each part has its own."""
        names = {user: f"{part}.{user}" for user in users}
        known = passwords(self.layout.passwords_file, names.values())
        return {user: known[name] for user, name in names.items()}
