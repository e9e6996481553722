"""What every client of Kafka has in common here: it is stopped within bounds, and none hears nothing for ever.

A connection that was closed is a `RuntimeError` to uvloop's transports, which aiokafka takes for a fault of its
own (its issue 1038): the task that fetches ends, and who polls is told for ever that there is nothing. So
such an error is told to aiokafka as what it is, and a consumer whose fetching ended all the same is given up.
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
"""A broker that is there and says nothing would be waited for 40 seconds: longer than any stop may take."""

_send = AIOKafkaConnection.send


async def stop(client: Any) -> None:
    """Stop a producer or a consumer; what it does not get done in time, the broker finds out."""
    try:
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka_client_did_not_stop", error=type(error).__name__)


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """What the call comes to; one that takes longer is left behind.

    The client's calls do not always let themselves be cancelled, and cancel each other when a connection is lost:
    neither may hold up or end whoever waits for them.

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
    """Return while the client still fetches.

    Raises:
        KafkaError: it does not any more, and would never say so; another one must take its place.
    """
    if client._fetcher.error_future.done():  # noqa: SLF001  it has no other sign of it
        raise KafkaError("the consumer does not fetch any more")


def send(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
    """Aiokafka's own, for transports that say `RuntimeError` where they are closed.

    Raises:
        KafkaConnectionError: the connection is not there any more.
    """
    try:
        return _send(connection, *request, **options)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection closed ({error})") from error


AIOKafkaConnection.send = send
