"""Writes topics.yaml and users.yaml, Strimzi's manifests of `deploy/kafka/acls.yaml`.

`python deploy/kubernetes/kafka/manifests.py`, after a change of the table; a test compares them.
Strimzi's operators make the topics, the SCRAM users (their passwords stand in the Secret
`kafka-passwords`, as `kafka-<user>`) and the ACLs of the Kafka cluster named `bmt`.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import yaml

from bmt.rights.kafka_rights import (
    Operation,
    Pattern,
    Permission,
    Resource,
    Right,
    Table,
    Topic,
    rights,
    table,
)

FOLDER: Final = Path(__file__).parent
VERSION: Final = "kafka.strimzi.io/v1"
LABELS: Final = {"strimzi.io/cluster": "bmt", "app.kubernetes.io/part-of": "bmt"}
REPLICAS: Final = 3
HEADER: Final = "# Written by manifests.py from deploy/kafka/acls.yaml: change it there.\n"

PATTERNS: Final = {Pattern.LITERAL: "literal", Pattern.PREFIXED: "prefix"}
RESOURCES: Final = {
    Resource.TOPIC: "topic",
    Resource.GROUP: "group",
    Resource.TRANSACTIONAL_ID: "transactionalId",
}
OPERATIONS: Final = {
    Operation.READ: "Read",
    Operation.WRITE: "Write",
    Operation.CREATE: "Create",
    Operation.DELETE: "Delete",
    Operation.ALTER: "Alter",
    Operation.DESCRIBE: "Describe",
    Operation.DESCRIBE_CONFIGS: "DescribeConfigs",
}


def texts() -> dict[Path, str]:
    """Each file's text."""
    rules = table()
    return {
        FOLDER / "topics.yaml": _text(_topic(name, each) for name, each in rules.topics.items()),
        FOLDER / "users.yaml": _text(_users(rules)),
    }


def _text(documents: Any) -> str:
    return HEADER + yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)


def _topic(name: str, topic: Topic) -> dict[str, Any]:
    config: dict[str, Any] = {"min.insync.replicas": 2, **topic.config()}
    spec = {"partitions": topic.partitions, "replicas": REPLICAS, "config": config}
    return _document("KafkaTopic", name, spec)


def _users(rules: Table) -> list[dict[str, Any]]:
    found: dict[str, list[Right]] = defaultdict(list)
    for right in rights(rules):
        found[right.principal.removeprefix("User:")].append(right)
    return [_user(name, found[name]) for name in rules.principals]


def _user(name: str, given: list[Right]) -> dict[str, Any]:
    operations: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for right in given:
        what = (right.permission, right.resource, right.name, right.pattern)
        operations[what].append(OPERATIONS[right.operation])
    acls = [_acl(*what, done) for what, done in operations.items()]
    spec = {
        "authentication": {
            "type": "scram-sha-512",
            "password": {
                "valueFrom": {"secretKeyRef": {"name": "kafka-passwords", "key": f"kafka-{name}"}}
            },
        },
        "authorization": {"type": "simple", "acls": acls},
    }
    return _document("KafkaUser", name, spec)


def _acl(
    permission: Permission, resource: Resource, name: str, pattern: Pattern, operations: list[str]
) -> dict[str, Any]:
    return {
        "type": permission.name.lower(),
        "resource": {
            "type": RESOURCES[resource],
            "name": name,
            "patternType": PATTERNS[pattern],
        },
        "operations": operations,
        "host": "*",
    }


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": dict(LABELS)}
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    for file, content in texts().items():
        file.write_text(content)
