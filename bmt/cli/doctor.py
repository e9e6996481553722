"""`bmt doctor`: looks whether everything that bmt stands on is as it should be."""

import asyncio
import importlib
import json
import os
import shutil
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson
from bmt.cli.outcome import NotRunning, NotSo, reported

if TYPE_CHECKING:
    from bmt.chassis.runtime.mongodb import Client
    from bmt.cli.addresses import KafkaAddress, MongodbAddress
    from bmt.cli.data_folder import DataFolder
    from bmt.cli.examination import Finding, SeenTopic

SECONDS: Final = 5.0
"""What one check may take."""
NEWEST: Final = 5
"""Records of each partition whose dates show Kafka's clock."""

Given = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data directory; its files are looked at, too.",
        show_default=".bmt",
    ),
]
Look = Callable[[], Awaitable[Sequence["Finding"]]]


def doctor(data: Given = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Look at configuration, MongoDB, Kafka, services, files and clocks, and say what to do about each fault.

    It looks at everything at the same time, changes nothing, and shows no secret. Exit code 1 where something is
    wrong; warnings leave it at 0.
    """
    with reported():
        from bmt.cli import examination  # noqa: PLC0415 - the command starts fast
        from bmt.cli.connections import silenced  # noqa: PLC0415
        from bmt.cli.shown import counted, show  # noqa: PLC0415

        patient = _patient(data)
        with silenced():
            looked = asyncio.run(_examined(patient))
        found = [
            examination.without_secrets(one, patient.secrets)
            for one in [*patient.findings, *looked]
        ]
        show(examination.document(found), examination.lines(found), as_json=as_json)
        if wrong := sum(one.state == "wrong" for one in found):
            raise NotSo(f"{counted(wrong, 'check')} found something wrong")


@dataclass
class Patient:
    """What is known of the system before anything is asked.

    Attributes:
        folder: the data directory, if its files are to be looked at.
        services: the addresses that are known.
        one_machine: an evaluation, which has one broker and one member.
        agencies: the files of the agencies' rules that are named, by who names them.
        certificates: the TLS files that are set, by their variable.
        secrets: never to be shown.
        findings: what its configuration already shows.
    """

    mongodb: "MongodbAddress | None" = None
    kafka: "KafkaAddress | None" = None
    folder: "DataFolder | None" = None
    services: dict[str, str] = field(default_factory=dict)
    one_machine: bool = False
    agencies: dict[str, Path] = field(default_factory=dict)
    certificates: dict[tuple[str, Path], None] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    findings: "list[Finding]" = field(default_factory=list)


# What is configured.


def _patient(data: Path | None) -> Patient:
    from bmt.chassis.runtime.secret_files import SUFFIX  # noqa: PLC0415 - the command starts fast
    from bmt.cli.addresses import KAFKA, MONGODB  # noqa: PLC0415
    from bmt.cli.data_folder import DataFolder  # noqa: PLC0415

    patient = Patient()
    names = (KAFKA, MONGODB, MONGODB + SUFFIX)
    deployed = any(os.environ.get(name) for name in names)
    if data is not None or not deployed:
        patient.folder = DataFolder.at(data or DEFAULT_DATA)
    if deployed:
        _from_environment(patient)
    elif patient.folder is not None:
        _from_folder(patient, patient.folder)
    return patient


def _from_environment(patient: Patient) -> None:
    """Raises `WrongConfiguration` if only one of Kafka and MongoDB is named."""
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.addresses import OperatorKafka, OperatorMongodb  # noqa: PLC0415
    from bmt.contracts.topics import WRITERS  # noqa: PLC0415

    nowhere = Path(os.devnull)
    if _settings(patient, "kafka", OperatorKafka):
        patient.kafka = addresses.kafka(nowhere)
    if _settings(patient, "mongodb", OperatorMongodb):
        patient.mongodb = addresses.mongodb(nowhere)
    for service in WRITERS.values():
        _settings(patient, service, _settings_of(service), needed=False)
        if url := os.environ.get(f"BMT_{service.upper()}_URL"):
            patient.services[service] = url.rstrip("/")
    if file := os.environ.get("BMT_AGENCIES_FILE"):
        patient.agencies["this environment"] = Path(file)
    patient.secrets |= {os.environ.get("BMT_TOKEN", "")}


def _from_folder(patient: Patient, folder: "DataFolder") -> None:
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.examination import Finding  # noqa: PLC0415

    patient.one_machine = True
    try:
        ready = folder.ready()
        patient.secrets |= set(json.loads(folder.passwords_file.read_text()).values())
        patient.kafka, patient.mongodb = (
            addresses.kafka(folder.root),
            addresses.mongodb(folder.root),
        )
    except NotRunning:
        stopped = f"no system runs on {folder.root}"
        advice = "start it (`make up`), or name another --data"
        patient.findings.append(Finding("system", str(folder.root), "wrong", stopped, advice))
        return
    except (OSError, ValueError, KeyError) as error:
        unread = f"its addresses or passwords cannot be read ({type(error).__name__})"
        advice = "stop and start the system (`make down`, `make up`)"
        patient.findings.append(Finding("system", str(folder.root), "wrong", unread, advice))
        return
    for service, said in ready["services"].items():
        patient.services[service] = said["url"]
        if environment := _environment_of(said["pid"]):
            with _environment(environment):
                _settings(patient, service, _settings_of(service))
            if file := environment.get("BMT_AGENCIES_FILE"):
                patient.agencies[service] = Path(file)
    if ready.get("web"):
        patient.services["web"] = ready["web"]["url"]


def _settings_of(service: str) -> Any:
    return importlib.import_module(f"services.{service}.settings").Settings


def _settings(patient: Patient, about: str, settings_class: Any, *, needed: bool = True) -> bool:
    """Whether they can be used. Where they are not `needed`, they count only if nothing is missing."""
    from pydantic import SecretStr  # noqa: PLC0415 - the command starts fast

    from bmt.chassis.runtime.settings import WrongSettings, read  # noqa: PLC0415
    from bmt.cli.examination import Finding  # noqa: PLC0415

    try:
        settings = read(settings_class)
    except WrongSettings as error:
        if needed or not any(" is missing: " in line for line in error.lines):
            advice = "correct the variable: docs/settings.md has each of them"
            patient.findings += [
                Finding("configuration", about, "wrong", line, advice) for line in error.lines
            ]
        return False
    for name in settings_class.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            patient.secrets |= {value.get_secret_value(), _password_in(value.get_secret_value())}
        if name.endswith(("_ca_file", "_certificate_file")) and value is not None:
            patient.certificates[f"BMT_{name.upper()}", value] = None
    patient.findings.append(_encryption(about, settings))
    return True


def _password_in(uri: str) -> str:
    return uri.partition("://")[2].rpartition("@")[0].partition(":")[2]


def _encryption(about: str, settings: Any) -> "Finding":
    from bmt.cli.examination import Finding  # noqa: PLC0415 - the command starts fast

    plain: list[str] = []
    if hasattr(settings, "not_encrypted"):
        plain = list(settings.not_encrypted())
    elif not settings.mongodb_encrypted():
        plain = ["BMT_MONGODB_URI"]
    allowed = getattr(settings, "allow_http", os.environ.get("BMT_ALLOW_HTTP") == "true")
    if plain and not allowed:
        advice = "use TLS: docs/operator.md, Production is not evaluation"
        detail = f"not encrypted: {', '.join(plain)}"
        return Finding("configuration", about, "warning", detail, advice)
    return Finding("configuration", about, "ok", "all settings can be used")


def _environment_of(pid: int) -> Mapping[str, str]:
    """The variables of a running process, if they can be read here."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (one.partition(b"=") for one in raw.split(b"\0"))
    return {
        name.decode(): value.decode(errors="replace")
        for name, _, value in pairs
        if name.startswith(b"BMT_")
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Our environment with these BMT_ variables and no other."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("BMT_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# All checks at the same time.


async def _examined(patient: Patient) -> "list[Finding]":
    looks: list[tuple[str, Look]] = []
    if patient.mongodb is not None:
        looks.append(("mongodb", partial(_mongodb, patient)))
    if patient.kafka is not None:
        looks.append(("kafka", partial(_kafka, patient)))
        looks.append(("clocks: kafka", partial(_kafka_clock, patient)))
    looks += [
        (f"services: {name}", partial(_service, name, url))
        for name, url in patient.services.items()
    ]
    looks.append(("files", partial(_files, patient)))
    found = await asyncio.gather(*(_within(name, look) for name, look in looks))
    return [finding for findings in found for finding in findings]


async def _within(name: str, look: Look) -> "Sequence[Finding]":
    """What the check finds; that it fails, or takes too long, is a finding too."""
    from bmt.chassis.errors import Unavailable, WrongConfiguration  # noqa: PLC0415
    from bmt.cli.examination import Finding  # noqa: PLC0415 - the command starts fast

    check, _, about = name.partition(": ")
    try:
        async with asyncio.timeout(SECONDS):
            return await look()
    except TimeoutError:
        said = f"no answer within {SECONDS:.0f} s"
    except (NotRunning, WrongConfiguration) as error:
        said = str(error)
    except Unavailable as error:
        said = f"{error.part} cannot be reached, or has no primary"
    except Exception as error:  # noqa: BLE001 - one part that fails otherwise must not hide the others
        said = f"cannot be looked at ({type(error).__name__})"
    advice = "start it, or correct its address, user and password; then look at its log"
    return [Finding(check, about or "reachable", "wrong", said, advice)]


# MongoDB.


async def _mongodb(patient: Patient) -> "Sequence[Finding]":
    from bmt.chassis.runtime import clock  # noqa: PLC0415 - the command starts fast
    from bmt.cli import examination  # noqa: PLC0415
    from bmt.cli.connections import mongodb_client  # noqa: PLC0415

    address = patient.mongodb
    assert address is not None  # noqa: S101 - the caller looked
    async with mongodb_client(address) as client:
        asked = clock.now()
        hello = await client.admin.command("hello")
        middle = asked + (clock.now() - asked) / 2
        parts = await asyncio.gather(
            _mongodb_rights(client, address.prefix), _indexes(client, address.prefix)
        )
    return [
        _replica_set(hello, one_machine=patient.one_machine),
        examination.clock("mongodb", hello["localTime"].replace(tzinfo=UTC) - middle),
        *(finding for findings in parts for finding in findings),
    ]


def _replica_set(hello: Mapping[str, Any], *, one_machine: bool) -> "Finding":
    from bmt.cli.examination import Finding  # noqa: PLC0415 - the command starts fast
    from bmt.cli.shown import counted  # noqa: PLC0415

    if "setName" not in hello:
        advice = "start it with --replSet and initiate the set: parking and views need transactions"
        return Finding("mongodb", "replica set", "wrong", "it is no replica set", advice)
    members = len(hello.get("hosts", ()))
    detail = f"{hello['setName']} has a primary, {counted(members, 'member')}"
    if members == 1 and not one_machine:
        advice = "add two members: what one machine holds is lost with it"
        return Finding("mongodb", "replica set", "warning", detail, advice)
    return Finding("mongodb", "replica set", "ok", detail)


async def _mongodb_rights(client: "Client", prefix: str) -> "Sequence[Finding]":
    """The rights are for databases with the usual prefix."""
    from bmt.chassis.runtime.mongodb import NOT_ALLOWED, OperationFailure  # noqa: PLC0415
    from bmt.cli import examination  # noqa: PLC0415 - the command starts fast
    from bmt.rights import mongodb_rights  # noqa: PLC0415

    check, usual = "rights in MongoDB", "bmt_"
    if prefix != usual:
        detail = f"made for databases that begin with {usual}: not looked at"
        return [examination.Finding(check, "users", "ok", detail)]
    named = [{"user": user, "db": "admin"} for user in mongodb_rights.USERS]
    try:
        answer = await client.admin.command("usersInfo", named, showPrivileges=True)
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        advice = "run bmt doctor with MongoDB's user admin once"
        detail = "this user may not look at the others' rights"
        return [examination.Finding(check, "users", "warning", detail, advice)]
    given = {
        one["user"]: mongodb_rights.flattened(one["inheritedPrivileges"]) for one in answer["users"]
    }
    return [
        examination.mongodb_rights(user, mongodb_rights.rights_of(user), given.get(user))
        for user in mongodb_rights.USERS
    ]


async def _indexes(client: "Client", prefix: str) -> "Sequence[Finding]":
    from bmt.chassis.runtime.mongodb import NOT_ALLOWED, OperationFailure  # noqa: PLC0415
    from bmt.cli import examination  # noqa: PLC0415 - the command starts fast

    async def of(database: str) -> "Finding":
        names = list(examination.expected_indexes(database))
        collections = [client[f"{prefix}{database}"][name] for name in names]
        try:
            found = await asyncio.gather(*(one.index_information() for one in collections))
        except OperationFailure as error:
            if error.code not in NOT_ALLOWED:
                raise
            advice = "run bmt doctor with MongoDB's user admin once"
            detail = "this user may not look at them"
            return examination.Finding("indexes", database, "warning", detail, advice)
        seen = {
            name: {tuple((part, int(way)) for part, way in index["key"]) for index in all_.values()}
            for name, all_ in zip(names, found, strict=True)
        }
        return examination.indexes(database, seen)

    return await asyncio.gather(*(of(database) for database in examination.VIEWS))


# Kafka.


async def _kafka(patient: Patient) -> "Sequence[Finding]":
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - the command starts fast
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    from bmt.cli import examination  # noqa: PLC0415
    from bmt.cli.shown import counted  # noqa: PLC0415
    from bmt.rights.kafka_table import table  # noqa: PLC0415

    address = patient.kafka
    assert address is not None  # noqa: S101 - the caller looked
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
        examination.Finding("kafka", "reachable", "ok", brokers),
        *(
            examination.topic(
                name, each, seen.get(address.prefix + name), one_machine=patient.one_machine
            )
            for name, each in rules.topics.items()
        ),
        *await _kafka_rights(address),
    ]


async def _topics(admin: Any, names: Sequence[str]) -> "Mapping[str, SeenTopic]":
    from aiokafka.admin.config_resource import (  # noqa: PLC0415 - the command starts fast
        ConfigResource,
        ConfigResourceType,
    )

    from bmt.cli.examination import SeenTopic  # noqa: PLC0415

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
        name: SeenTopic(
            partitions=len(partitions),
            without_leader=sum(one["leader"] < 0 for one in partitions),
            behind=sum(len(one["isr"]) < len(one["replicas"]) for one in partitions),
            replicas=min((len(one["replicas"]) for one in partitions), default=0),
            config=configs.get(name, {}),
        )
        for name, partitions in described.items()
    }


async def _kafka_rights(address: "KafkaAddress") -> "Sequence[Finding]":
    """The rights are for topics without a prefix."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - the command starts fast

    from bmt.cli import examination  # noqa: PLC0415
    from bmt.rights import kafka_rights  # noqa: PLC0415
    from bmt.rights.kafka_table import table  # noqa: PLC0415

    check = "rights in Kafka"
    if address.prefix:
        detail = "made for topics without a prefix: not looked at"
        return [examination.Finding(check, "users", "ok", detail)]
    try:
        given = await kafka_rights.in_force(address.options)
    except KafkaError:
        advice = "run bmt doctor with Kafka's user admin; without an authorizer anybody may write anything"
        detail = "Kafka has none, or does not show them to this user"
        return [examination.Finding(check, "users", "wrong", detail, advice)]
    rules = table()
    wanted = list(kafka_rights.rights(rules))
    return [examination.kafka_rights(user, wanted, given) for user in rules.principals]


async def _kafka_clock(patient: Patient) -> "Sequence[Finding]":
    from aiokafka import TopicPartition  # noqa: PLC0415 - the command starts fast

    from bmt.chassis.runtime import clock  # noqa: PLC0415
    from bmt.cli.connections import kafka_consumer, kafka_topics  # noqa: PLC0415
    from bmt.cli.examination import broker_clock  # noqa: PLC0415
    from bmt.contracts.topics import WRITERS  # noqa: PLC0415

    address = patient.kafka
    assert address is not None  # noqa: S101 - the caller looked
    try:
        topics = await kafka_topics(address)
        places = [
            TopicPartition(address.prefix + name, number)
            for name in WRITERS
            for number in topics.get(address.prefix + name, ())
        ]
        async with kafka_consumer(address) as consumer:
            first, end = (
                await consumer.beginning_offsets(places),
                await consumer.end_offsets(places),
            )
            filled = [place for place in places if end[place] > first[place]]
            consumer.assign(filled)
            for place in filled:
                consumer.seek(place, max(first[place], end[place] - NEWEST))
            batches = await consumer.getmany(timeout_ms=1_000) if filled else {}
    except NotRunning:
        return []  # the check of Kafka itself says so
    newest = [_dated(record) for records in batches.values() for record in records]
    return [broker_clock("kafka", newest, clock.now())]


def _dated(record: Any) -> tuple[datetime, datetime | None]:
    """When Kafka dated the record, and when its event happened."""
    happened = dict(record.headers).get("ce_time")
    try:
        at = datetime.fromisoformat(happened.decode()) if happened else None
    except ValueError:
        at = None
    return datetime.fromtimestamp(record.timestamp / 1_000, UTC), at


# Services.


async def _service(name: str, url: str) -> "Sequence[Finding]":
    import httpx  # noqa: PLC0415 - the command starts fast

    from bmt.chassis.runtime import clock  # noqa: PLC0415
    from bmt.cli.examination import Finding, service_clock  # noqa: PLC0415

    asked = clock.now()
    advice = f"look at the end of its log, then restart it: a restart of {name} is always safe"
    try:
        async with httpx.AsyncClient(timeout=SECONDS - 1, trust_env=False) as client:
            answer = await client.get(f"{url}/readyz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"{url} does not answer ({type(error).__name__})"
        return [Finding("services", name, "wrong", said, advice)]
    found = [Finding("services", name, "ok", "ready")]
    if not answer.is_success:
        missing = ", ".join(map(str, _missing(answer))) or f"it answers {answer.status_code}"
        found = [Finding("services", name, "wrong", f"not ready: {missing}", "start that part")]
    if date := answer.headers.get("date"):
        found.append(service_clock(name, parsedate_to_datetime(date), asked, clock.now()))
    return found


def _missing(answer: Any) -> Sequence[object]:
    try:
        return list(answer.json().get("missing", ()))
    except (ValueError, AttributeError, TypeError):
        return ()


# Files.


async def _files(patient: Patient) -> "Sequence[Finding]":
    from bmt.chassis.runtime import clock  # noqa: PLC0415 - the command starts fast

    return [
        *_agencies(patient),
        *(
            _certificate(f"{variable} ({file})", file, clock.now())
            for variable, file in patient.certificates
        ),
        *(_folder(patient.folder) if patient.folder is not None else ()),
    ]


def _agencies(patient: Patient) -> "Iterator[Finding]":
    from bmt.agencies import register  # noqa: PLC0415 - the command starts fast
    from bmt.cli.examination import Finding  # noqa: PLC0415
    from bmt.cli.shown import counted  # noqa: PLC0415

    for file in dict.fromkeys(patient.agencies.values()):
        try:
            number = len(list(register.read(file)))
        except register.AgenciesFileWrong as error:
            advice = "correct the file, then restart the services"
            yield Finding("agencies", str(file), "wrong", str(error), advice)
        else:
            detail = f"{number} {'agency' if number == 1 else 'agencies'}"
            yield Finding("agencies", str(file), "ok", detail)
    if len(set(patient.agencies.values())) > 1:
        detail = f"{counted(len(set(patient.agencies.values())), 'file')} are read"
        advice = "let all services read the same file"
        yield Finding("agencies", ", ".join(patient.agencies), "wrong", detail, advice)


def _certificate(about: str, file: Path, now: datetime) -> "Finding":
    """The first of the file's certificates that ends."""
    from cryptography import x509  # noqa: PLC0415 - the command starts fast

    from bmt.cli.examination import Finding, certificate  # noqa: PLC0415

    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError, ssl.SSLError) as error:
        detail = f"no certificate can be read from it ({type(error).__name__})"
        return Finding("certificates", about, "wrong", detail, "put a PEM file there")
    return certificate(about, min(one.not_valid_after_utc for one in found), now)


def _folder(folder: "DataFolder") -> "Iterator[Finding]":
    from bmt.cli.examination import disk, missing_file, secret_file  # noqa: PLC0415

    if not folder.root.is_dir():
        return
    yield disk(str(folder.root), shutil.disk_usage(folder.root).free)
    running = [folder.ready_file] if folder.ready_file.exists() else []
    for file in (*folder.secret_files(), *running):
        if file.is_file() and os.access(file, os.R_OK):
            said = file.stat()
            yield secret_file(str(file), said.st_mode, said.st_uid, os.getuid())
        else:
            yield missing_file(str(file))
