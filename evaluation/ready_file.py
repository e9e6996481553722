"""The ready file: the addresses and credentials of a running system. The contract fixes its shape."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import settings
from bmt.rights.kafka_rights import STATISTICS, table
from bmt.rights.mongodb_rights import WEB
from evaluation.kafka import MECHANISM, PROTOCOL
from evaluation.layout import accounts_file
from evaluation.ports import numbered
from evaluation.services import SERVICES, System
from evaluation.storage import ADMIN, owner_password

Document = dict[str, Any]


def document(system: System, pids: Mapping[str, int]) -> Document:
    """The content, with the ids of the running processes by name."""
    return {
        "services": {
            name: {"url": system.ports.url(name), "pid": pids[name]}
            for name in SERVICES
            if name in pids
        },
        "web": _web(system, pids),
        **_replicas(system, pids),
        "statistics": _statistics(system, pids),
        "issuer": system.issuer.url,
        "kafka": _kafka(system) | {"pid": pids["kafka"]},
        "mongodb": {"uri": system.mongodb.uri(), "pid": pids["mongodb"]},
        "mail": {"smtp": system.mail.smtp, "maildir": str(system.mail.maildir)},
        "ipms": {"url": system.ipms.url, "token": system.ipms.token},
        "storage": _storage(system),
        "data": str(system.layout.root),
        "supervisor": {"pid": os.getpid()},
    }


def _replicas(system: System, pids: Mapping[str, int]) -> Document:
    """Every process of what has more than one, by its own address."""
    if system.scale.replicas == 1:
        return {}
    return {
        "replicas": {
            name: [
                {"url": system.ports.url(f"{name} replica {number}"), "pid": pids[each]}
                for number in range(1, system.scale.replicas + 1)
                if (each := numbered(name, number)) in pids
            ]
            for name in (*SERVICES, WEB)
        }
    }


def write(file: Path, content: Document) -> None:
    """Atomically, and readable by its owner only: it is full of passwords."""
    aside = _aside(file)
    aside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites


def forget(file: Path) -> None:
    """Remove it: it exists only while the system is up.

    Raises:
        WrongConfiguration: such a file could not be written there.
    """
    try:
        _aside(file).unlink()
        file.unlink(missing_ok=True)
    except OSError as error:
        raise WrongConfiguration(f"--ready-file {file}: {error.strerror}") from error


def _aside(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.new")
    aside.touch(mode=0o600)
    return aside


def _web(system: System, pids: Mapping[str, int]) -> Document | None:
    return {"url": system.ports.url(WEB), "pid": pids[WEB]} if WEB in pids else None


def _statistics(system: System, pids: Mapping[str, int]) -> Document | None:
    if STATISTICS not in pids:
        return None
    return {"metrics": f"{system.ports.url(STATISTICS)}/metrics", "pid": pids[STATISTICS]}


def _kafka(system: System) -> Document:
    principals = (*table().of_kind("integrator"), *table().of_kind("observer"))
    return {
        "bootstrap_servers": system.kafka.bootstrap_servers,
        "security_protocol": PROTOCOL,
        "sasl_mechanism": MECHANISM,
        "principals": {name: system.kafka.passwords[name] for name in principals},
    }


def _storage(system: System) -> Document:
    samples = [
        str(each["userName"])
        for each in settings.read_yaml(accounts_file().read_text(encoding="utf-8"))
    ]
    secret = system.storage.password
    return {
        "kind": "copyparty",
        "url": system.storage.url,
        "user": ADMIN,
        "password": secret,
        "owners": {each: owner_password(secret, each) for each in samples}
        | system.storage.owners(),
    }
