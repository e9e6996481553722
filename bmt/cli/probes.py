"""The checks of `bmt doctor`: configuration, MongoDB, Kafka, services and files, all at the same time."""

import asyncio
import importlib
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import httpx
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SecurityDisabled,
)
from cryptography import x509
from pydantic import SecretStr

from bmt.agencies import register
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import NOT_ALLOWED, Client, OperationFailure
from bmt.chassis.runtime.settings import WrongSettings, read
from bmt.cli import connections, examination
from bmt.cli.command_line import DEFAULT_DATA, NotRunning, counted
from bmt.cli.connections import (
    KAFKA,
    MONGODB,
    DataFolder,
    KafkaAddress,
    MongodbAddress,
    OperatorKafka,
    OperatorMongodb,
    kafka_consumer,
    kafka_topics,
    mongodb_client,
)
from bmt.cli.examination import Finding, SeenTopic
from bmt.contracts.topics import WRITERS
from bmt.rights import kafka_rights, mongodb_rights
from bmt.rights.kafka_rights import table
from bmt.rights.mongodb_rights import WEB

SECONDS: Final = 5.0
"""What one check may take."""
NEWEST: Final = 5
"""Records of each partition whose dates show Kafka's clock."""
LOG_APPEND_TIME: Final = 1
"""aiokafka's code of a record that Kafka dated."""

Check = Callable[[], Awaitable[Sequence[Finding]]]


@dataclass
class KnownSystem:
    """What is known of the system before the checks begin.

    Attributes:
        folder: the data directory, if its files are to be looked at.
        services: the addresses that are known.
        one_machine: an evaluation, which has one broker and one member.
        agencies: the files of the agencies' rules that are named, by who names them.
        certificates: the TLS files that are set, by their variable.
        secrets: never to be shown.
        findings: what its configuration already shows.
    """

    mongodb: MongodbAddress | None = None
    kafka: KafkaAddress | None = None
    folder: DataFolder | None = None
    services: dict[str, str] = field(default_factory=dict)
    one_machine: bool = False
    agencies: dict[str, Path] = field(default_factory=dict)
    certificates: dict[tuple[str, Path], None] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


# What is configured.


def known_system_of(data: Path | None) -> KnownSystem:
    """From the environment, else from the data directory's system; raises as `connections.kafka`."""
    known = KnownSystem()
    pair = ((KAFKA, MONGODB), (MONGODB, KAFKA))
    deployed = all(connections.in_environment(name, other=other) for name, other in pair)
    if data is not None or not deployed:
        known.folder = DataFolder.at(data or DEFAULT_DATA)
    if deployed:
        _from_environment(known)
    elif known.folder is not None:
        _from_folder(known, known.folder)
    return known


def _from_environment(known: KnownSystem) -> None:
    """Raises `WrongConfiguration` if only one of Kafka and MongoDB is named."""
    nowhere = Path(os.devnull)
    if _settings(known, "kafka", OperatorKafka):
        known.kafka = connections.kafka(nowhere)
    if _settings(known, "mongodb", OperatorMongodb):
        known.mongodb = connections.mongodb(nowhere)
    for service in (*WRITERS.values(), WEB):
        _settings(known, service, _settings_of(service), needed=False)
        if url := os.environ.get(f"BMT_{service.upper()}_URL"):
            known.services[service] = url.rstrip("/")
    if file := os.environ.get("BMT_AGENCIES_FILE"):
        known.agencies["this environment"] = Path(file)
    known.secrets |= {os.environ.get("BMT_TOKEN", "")}


def _from_folder(known: KnownSystem, folder: DataFolder) -> None:
    known.one_machine = True
    try:
        ready = folder.ready()
        known.secrets |= set(json.loads(folder.passwords_file.read_text()).values())
        known.kafka, known.mongodb = (
            connections.kafka(folder.root),
            connections.mongodb(folder.root),
        )
    except NotRunning:
        known.findings.append(examination.system(str(folder.root), "no system runs there"))
        return
    except (OSError, ValueError, KeyError) as error:
        unread = f"its addresses or passwords cannot be read ({type(error).__name__})"
        known.findings.append(examination.system(str(folder.root), unread))
        return
    processes = {**ready["services"], **({WEB: ready[WEB]} if ready.get(WEB) else {})}
    for service, details in processes.items():
        known.services[service] = details["url"]


def _settings_of(service: str) -> Any:
    module = "web.settings" if service == WEB else f"services.{service}.settings"
    return importlib.import_module(module).Settings


def _settings(known: KnownSystem, about: str, settings_class: Any, *, needed: bool = True) -> bool:
    """Whether they can be used. Where they are not `needed`, they count only if nothing is missing."""
    try:
        settings = read(settings_class)
    except WrongSettings as error:
        if needed or not any(" is missing: " in line for line in error.lines):
            advice = "correct the variable: docs/settings.md has each of them"
            known.findings += [
                Finding("configuration", about, "wrong", line, advice) for line in error.lines
            ]
        return False
    for name in settings_class.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            password = _password_in(value.get_secret_value())
            known.secrets |= {value.get_secret_value(), password, unquote(password)}
        if name.endswith(("_ca_file", "_certificate_file")) and value is not None:
            known.certificates[f"BMT_{name.upper()}", value] = None
    allowed = getattr(settings, "allow_http", os.environ.get("BMT_ALLOW_HTTP") == "true")
    known.findings.append(
        examination.configuration(about, () if allowed else _not_encrypted(settings))
    )
    return True


def _not_encrypted(settings: Any) -> Sequence[str]:
    if hasattr(settings, "not_encrypted"):
        return list(settings.not_encrypted())
    return () if settings.mongodb_encrypted() else ["BMT_MONGODB_URI"]


def _password_in(uri: str) -> str:
    return uri.partition("://")[2].rpartition("@")[0].partition(":")[2]


# All checks at the same time.


async def examined(known: KnownSystem) -> list[Finding]:
    checks: list[tuple[str, Check]] = []
    if known.mongodb is not None:
        checks.append(("mongodb", partial(_mongodb, known.mongodb, one_machine=known.one_machine)))
    if known.kafka is not None:
        checks.append(("kafka", partial(_kafka, known.kafka, one_machine=known.one_machine)))
        checks.append(("rights in Kafka: users", partial(_kafka_rights, known.kafka)))
        checks.append(("clocks: kafka", partial(_kafka_clock, known.kafka)))
    checks += [
        (f"services: {name}", partial(_service, name, url)) for name, url in known.services.items()
    ]
    checks.append(("files", partial(_files, known)))
    found = await asyncio.gather(*(_within(name, check) for name, check in checks))
    return [finding for findings in found for finding in findings]


async def _within(name: str, run: Check) -> Sequence[Finding]:
    """What the check finds; that it fails, or takes too long, is a finding too."""
    check, _, about = name.partition(": ")
    try:
        async with asyncio.timeout(SECONDS):
            return await run()
    except TimeoutError:
        fault = f"no answer within {SECONDS:.0f} s"
    except (NotRunning, WrongConfiguration) as error:
        fault = str(error)
    except Unavailable as error:
        fault = f"{error.part} cannot be reached, or has no primary"
    except Exception as error:  # noqa: BLE001 - one part that fails otherwise must not hide the others
        fault = f"cannot be looked at ({type(error).__name__})"
    advice = "start it, or correct its address, user and password; then look at its log"
    return [Finding(check, about or "reachable", "wrong", fault, advice)]


# MongoDB.


async def _mongodb(address: MongodbAddress, *, one_machine: bool) -> Sequence[Finding]:
    async with mongodb_client(address) as client:
        sent_at = clock.now()
        hello = await client.admin.command("hello")
        middle = sent_at + (clock.now() - sent_at) / 2
        parts = await asyncio.gather(
            _mongodb_rights(client, address.prefix), _indexes(client, address.prefix)
        )
    return [
        examination.replica_set(hello, one_machine=one_machine),
        examination.clock("mongodb", hello["localTime"].replace(tzinfo=UTC) - middle),
        *(finding for findings in parts for finding in findings),
    ]


async def _mongodb_rights(client: Client, prefix: str) -> Sequence[Finding]:
    """The rights are for databases with the usual prefix."""
    check, usual = "rights in MongoDB", "bmt_"
    if prefix != usual:
        detail = f"made for databases that begin with {usual}: not looked at"
        return [Finding(check, "users", "ok", detail)]
    named = [{"user": user, "db": "admin"} for user in mongodb_rights.USERS]
    try:
        answer = await client.admin.command("usersInfo", named, showPrivileges=True)
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        advice = "run bmt doctor with MongoDB's user admin once"
        detail = "this user may not look at the others' rights"
        return [Finding(check, "users", "warning", detail, advice)]
    given = {
        one["user"]: mongodb_rights.flattened(one["inheritedPrivileges"]) for one in answer["users"]
    }
    return [
        examination.mongodb_rights(user, mongodb_rights.rights_of(user), given.get(user))
        for user in mongodb_rights.USERS
    ]


async def _indexes(client: Client, prefix: str) -> Sequence[Finding]:
    async def of(database: str) -> Finding:
        names = list(examination.expected_indexes(database))
        collections = [client[f"{prefix}{database}"][name] for name in names]
        try:
            found = await asyncio.gather(*(one.index_information() for one in collections))
        except OperationFailure as error:
            if error.code not in NOT_ALLOWED:
                raise
            advice = "run bmt doctor with MongoDB's user admin once"
            detail = "this user may not look at them"
            return Finding("indexes", database, "warning", detail, advice)
        seen = {
            name: {tuple((part, int(way)) for part, way in index["key"]) for index in all_.values()}
            for name, all_ in zip(names, found, strict=True)
        }
        return examination.indexes(database, seen)

    return await asyncio.gather(*(of(database) for database in examination.VIEWS))


# Kafka.


async def _kafka(address: KafkaAddress, *, one_machine: bool) -> Sequence[Finding]:
    rules = table()
    admin = AIOKafkaAdminClient(**address.options)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        seen = await _topics(admin, [address.prefix + name for name in rules.topics])
    except (KafkaError, OSError) as error:
        raise NotRunning(
            f"kafka at {address.servers} cannot be reached ({type(error).__name__})"
        ) from None
    finally:
        await admin.close()
    brokers = counted(len(cluster["brokers"]), "broker")
    return [
        Finding("kafka", "reachable", "ok", brokers),
        *(
            examination.topic(name, each, seen.get(address.prefix + name), one_machine=one_machine)
            for name, each in rules.topics.items()
        ),
    ]


async def _topics(admin: Any, names: Sequence[str]) -> Mapping[str, SeenTopic]:
    described = {
        one["topic"]: one["partitions"]
        for one in await admin.describe_topics()
        if one["topic"] in names and not one["error_code"]
    }
    if not described:
        return {}
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    )
    configs = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
        if not resource[0]
    }
    return {
        name: SeenTopic.of(partitions, configs.get(name, {}))
        for name, partitions in described.items()
    }


async def _kafka_rights(address: KafkaAddress) -> Sequence[Finding]:
    """The rights are for topics without a prefix."""
    check = "rights in Kafka"
    if address.prefix:
        detail = "made for topics without a prefix: not looked at"
        return [Finding(check, "users", "ok", detail)]
    try:
        given = await kafka_rights.in_force(address.options)
    except KafkaConnectionError:
        return []  # the check of Kafka itself says so
    except ClusterAuthorizationFailedError:
        advice = "run bmt doctor with Kafka's user admin once"
        detail = "this user may not look at the others' rights"
        return [Finding(check, "users", "warning", detail, advice)]
    except SecurityDisabled:
        advice = "give the brokers an authorizer: now anybody may write anything"
        return [Finding(check, "users", "wrong", "Kafka has none", advice)]
    rules = table()
    wanted = list(kafka_rights.rights(rules))
    return [examination.kafka_rights(user, wanted, given) for user in rules.principals]


async def _kafka_clock(address: KafkaAddress) -> Sequence[Finding]:
    try:
        topics = await kafka_topics(address)
        names = [address.prefix + name for name in WRITERS]
        places = [TopicPartition(name, part) for name in names for part in topics.get(name, ())]
        newest = await _newest(address, places) if places else []
    except NotRunning:
        return []  # the check of Kafka itself says so
    by_kafka = [record for record in newest if record.timestamp_type == LOG_APPEND_TIME]
    dated = [examination.dated(record.headers, record.timestamp) for record in by_kafka]
    return [examination.broker_clock("kafka", dated, clock.now())]


async def _newest(address: KafkaAddress, places: Sequence[TopicPartition]) -> list[Any]:
    async with kafka_consumer(address) as consumer:
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        filled = [place for place in places if end[place] > first[place]]
        consumer.assign(filled)
        for place in filled:
            consumer.seek(place, max(first[place], end[place] - NEWEST))
        batches = await consumer.getmany(timeout_ms=1_000) if filled else {}
    return [record for records in batches.values() for record in records]


# Services.


async def _service(name: str, url: str) -> Sequence[Finding]:
    sent_at = clock.now()
    advice = f"look at the end of its log, then restart it: a restart of {name} is always safe"
    try:
        async with httpx.AsyncClient(timeout=SECONDS - 1, trust_env=False) as client:
            answer = await client.get(f"{url}/readyz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fault = f"{url} does not answer ({type(error).__name__})"
        return [Finding("services", name, "wrong", fault, advice)]
    found = [Finding("services", name, "ok", "ready")]
    if not answer.is_success:
        missing = ", ".join(map(str, _missing(answer))) or f"it answers {answer.status_code}"
        found = [Finding("services", name, "wrong", f"not ready: {missing}", "start that part")]
    if date := answer.headers.get("date"):
        found.append(
            examination.service_clock(name, parsedate_to_datetime(date), sent_at, clock.now())
        )
    return found


def _missing(answer: Any) -> Sequence[object]:
    try:
        return list(answer.json().get("missing", ()))
    except (ValueError, AttributeError, TypeError):
        return ()


# Files.


async def _files(known: KnownSystem) -> Sequence[Finding]:
    return [
        *_agencies(known),
        *(
            _certificate(f"{variable} ({file})", file, clock.now())
            for variable, file in known.certificates
        ),
        *(_folder(known.folder) if known.folder is not None else ()),
    ]


def _agencies(known: KnownSystem) -> Iterator[Finding]:
    for file in dict.fromkeys(known.agencies.values()):
        try:
            number = len(list(register.read(file)))
        except register.AgenciesFileWrong as error:
            advice = "correct the file, then restart the services"
            yield Finding("agencies", str(file), "wrong", str(error), advice)
        else:
            detail = f"{number} {'agency' if number == 1 else 'agencies'}"
            yield Finding("agencies", str(file), "ok", detail)
    if len(set(known.agencies.values())) > 1:
        detail = f"{counted(len(set(known.agencies.values())), 'file')} are read"
        advice = "let all services read the same file"
        yield Finding("agencies", ", ".join(known.agencies), "wrong", detail, advice)


def _certificate(about: str, file: Path, now: datetime) -> Finding:
    """The first of the file's certificates that ends."""
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        detail = f"no certificate can be read from it ({type(error).__name__})"
        return Finding("certificates", about, "wrong", detail, "put a PEM file there")
    return examination.certificate(about, min(one.not_valid_after_utc for one in found), now)


def _folder(folder: DataFolder) -> Iterator[Finding]:
    if not folder.root.is_dir():
        return
    yield examination.disk(str(folder.root), shutil.disk_usage(folder.root).free)
    running = [folder.ready_file] if folder.ready_file.exists() else []
    for file in (*folder.secret_files(), *running):
        if file.is_file() and os.access(file, os.R_OK):
            status = file.stat()
            yield examination.secret_file(str(file), status.st_mode, status.st_uid, os.getuid())
        else:
            yield examination.missing_file(str(file))
