"""Makes Kafka's topics and rights, once the broker answers; may be repeated.

They are those of `deploy/kafka/acls.yaml`, from which the embedded broker has them too.
"""

import asyncio
import os
from pathlib import Path

import stamina
from aiokafka.errors import KafkaError

from bmt.rights import kafka_rights

SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))


@stamina.retry(on=(KafkaError, OSError), attempts=None, timeout=120, wait_max=2)
async def _establish() -> None:
    await kafka_rights.establish(
        {
            "bootstrap_servers": os.environ["KAFKA_ADDRESS"],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "admin",
            "sasl_plain_password": (SECRETS / "kafka-admin").read_text().strip(),
        }
    )


if __name__ == "__main__":
    asyncio.run(_establish())
