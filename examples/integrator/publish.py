"""Ask for the service from another agency's system with a Kafka client alone, and print what becomes of it.

pip install aiokafka
python examples/integrator/publish.py .bmt/hrmis.json
"""

import asyncio
import json
import ssl
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

SITI = {
    "account": "siti.mampu@mygovuc.gov.my",
    "name": "Siti",
    "email": "siti.mampu@mygovuc.gov.my",
}
ASKED = {"kind": "application", "agency": "MAMPU", "applicant": SITI, "justification": "Fail besar"}


async def ask(kafka: dict[str, Any], integrator: str, submission_id: str) -> None:
    """Publish one RequestSubmitted (CloudEvents, binary mode) on our own inbound topic.

    The same source and id published again is the same submission: repeat it until it is acknowledged.
    """
    event = {"specversion": "1.0", "id": submission_id, "source": f"/{integrator}"}
    event |= {"type": "my.gov.bmt.RequestSubmitted.v1", "time": datetime.now(UTC).isoformat()}
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items()]
    headers.append(("content-type", b"application/json"))
    value = json.dumps(ASKED | {"source_reference": f"HR/{submission_id[:8]}"}).encode()
    async with AIOKafkaProducer(**kafka, acks="all", enable_idempotence=True) as producer:
        topic = f"bmt.inbound.{integrator}.v1"
        await producer.send_and_wait(topic, value, submission_id.encode(), headers=headers)


async def follow(kafka: dict[str, Any], integrator: str, submission_id: str) -> None:
    """Print each answer about our submission, which is its key; one that comes twice has the same id."""
    known = set()
    topic = f"bmt.outbound.{integrator}.v1"
    async with AIOKafkaConsumer(topic, **kafka, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            answer = {name: value.decode() for name, value in record.headers}
            if record.key == submission_id.encode() and answer["ce_id"] not in known:
                known.add(answer["ce_id"])
                print(answer["ce_type"], record.value.decode())
                refused = answer["ce_type"] == "my.gov.bmt.SubmissionRefused.v1"
                if refused or json.loads(record.value).get("status") == "filed":
                    return


async def main(connection_file: str) -> None:
    """Ask once, then follow to the end."""
    kafka = json.loads(Path(connection_file).read_text())  # noqa: ASYNC240  once, at the start
    integrator = kafka.pop("integrator")
    kafka |= {f"sasl_plain_{name}": kafka.pop(name) for name in ("username", "password")}
    if kafka["security_protocol"] == "SASL_SSL":
        kafka["ssl_context"] = ssl.create_default_context(cafile=kafka.pop("ca_file", None))
    submission_id = str(uuid.uuid4())
    await ask(kafka, integrator, submission_id)
    await follow(kafka, integrator, submission_id)


asyncio.run(main(sys.argv[1]))
