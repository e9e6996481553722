"""Connections to Kafka and MongoDB whose failures are one line for the operator."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

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
from bmt.cli.addresses import MONGODB, KafkaAddress, MongodbAddress
from bmt.cli.command_line import NotRunning

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
