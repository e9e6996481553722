"""Makes Kafka's topics and rights, and sets its users' passwords, once the broker answers; may be repeated.

Topics and rights are those of `deploy/kafka/acls.yaml`, from which the embedded broker has them too; passwords are those
of the files `kafka-<user>` that are there.
"""

import asyncio
import os
from pathlib import Path

import stamina
from aiokafka.errors import KafkaError

from bmt.rights import kafka_rights

SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))


def _passwords() -> dict[str, str]:
    files = SECRETS.glob("kafka-*")
    return {file.name.removeprefix("kafka-"): file.read_text().strip() for file in files}


@stamina.retry(on=(KafkaError, OSError), attempts=None, timeout=120, wait_max=2)
async def _establish() -> None:
    await kafka_rights.establish(
        {
            "bootstrap_servers": os.environ["KAFKA_ADDRESS"],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "admin",
            "sasl_plain_password": _passwords()["admin"],
        },
        _passwords(),
    )


if __name__ == "__main__":
    asyncio.run(_establish())
