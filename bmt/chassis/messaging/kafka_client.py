"""What all Kafka clients share: they stop within bounds, and no consumer stops fetching unnoticed.

uvloop's transports raise `RuntimeError` for a closed connection, which aiokafka takes for a defect of its
own (its issue 1038): the fetch task dies, and every later poll returns nothing. So aiokafka gets the error
it expects here, and a consumer whose fetch task died all the same is replaced.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

T = TypeVar("T")

log = structlog.get_logger(__name__)

STOPPED_WITHIN_SECONDS: Final = 5.0
"""The client would wait 40 seconds for a silent broker: longer than any stop may take."""

_send = AIOKafkaConnection.send


async def stop(client: Any) -> None:
    """Stop a producer or a consumer. The broker notices by itself what is not done in time."""
    try:
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka_client_did_not_stop", error=type(error).__name__)


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. A call that takes longer is abandoned.

    The client's calls cannot always be cancelled, and cancel each other when a connection is lost. Neither may
    delay or end the caller.

    Raises:
        TimeoutError: it took longer, or the client gave it up.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


def require_fetching(client: AIOKafkaConsumer) -> None:
    """Raise `KafkaError` if the fetch task died, which it never reports. Another client must replace it."""
    if client._fetcher.error_future.done():  # noqa: SLF001  there is no other sign of it
        raise KafkaError("the consumer does not fetch any more")


def send(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
    """Aiokafka's own, but a closed transport's `RuntimeError` becomes a `KafkaConnectionError`."""
    try:
        return _send(connection, *request, **options)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection closed ({error})") from error


AIOKafkaConnection.send = send
