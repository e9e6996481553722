"""Connections to Kafka and MongoDB, and calls of services, whose failures are one line for the operator."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

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
from bmt.cli.addresses import MONGODB, DataFolder, KafkaAddress, MongodbAddress
from bmt.cli.command_line import NotRunning, NotSo
from bmt.contracts.values import Role, read_reference

CONNECTED_WITHIN_SECONDS: Final = 10.0


@asynccontextmanager
async def mongodb_client(
    address: MongodbAddress, *, as_bytes: bool = False
) -> AsyncIterator[Client]:
    """A client, not connected yet. `as_bytes`: what it reads is decoded only where somebody looks.

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
            f"{MONGODB} is wrong: MongoDB refuses its user ({_said(error)})"
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


def _said(error: OperationFailure) -> str:
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
