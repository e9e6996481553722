"""What every client of Kafka has in common here: it is stopped within bounds."""

import asyncio
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError

log = structlog.get_logger(__name__)

STOPPED_WITHIN_SECONDS: Final = 5.0
"""A broker that is there and says nothing would be waited for 40 seconds: longer than any stop may take."""


async def stop(client: Any) -> None:
    """Stop a producer or a consumer; what it does not get done in time, the broker finds out."""
    try:
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka_client_did_not_stop", error=type(error).__name__)
