"""Ask for the service from another agency's system, and print what becomes of it.

.venv/bin/python examples/integrator/publish.py .bmt/ready.json
"""

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

INBOUND, OUTBOUND = "bmt.inbound.hrmis.v1", "bmt.outbound.hrmis.v1"
SITI = {
    "account": "siti.mampu@mygovuc.gov.my",
    "name": "Siti",
    "email": "siti.mampu@mygovuc.gov.my",
}
ASKED = {"kind": "application", "agency": "MAMPU", "applicant": SITI, "justification": "Fail besar"}


async def ask(kafka: dict[str, str], submission_id: str) -> None:
    """Publish one RequestSubmitted (CloudEvents, binary mode) on our own inbound topic.

    The same source and id published again is the same submission: repeat it until it is acknowledged.
    """
    event = {"specversion": "1.0", "id": submission_id, "source": "/hrmis"}
    event |= {"type": "my.gov.bmt.RequestSubmitted.v1", "time": datetime.now(UTC).isoformat()}
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items()]
    value = json.dumps(ASKED | {"source_reference": f"HR/{submission_id[:8]}"}).encode()
    async with AIOKafkaProducer(**kafka, acks="all") as producer:
        await producer.send_and_wait(INBOUND, value, headers=headers)


async def follow(kafka: dict[str, str], submission_id: str) -> None:
    """Print each answer about our submission, which is its key; one that comes twice has the same id."""
    known = set()
    async with AIOKafkaConsumer(OUTBOUND, **kafka, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            answer = {name: value.decode() for name, value in record.headers}
            if record.key == submission_id.encode() and answer["ce_id"] not in known:
                known.add(answer["ce_id"])
                print(answer["ce_time"], answer["ce_type"], record.value.decode())


async def main(ready_file: str) -> None:
    """Ask once, then follow until interrupted."""
    kafka = json.loads(Path(ready_file).read_text())["kafka"]  # noqa: ASYNC240  once, at the start
    password = kafka.pop("principals")["hrmis"]
    del kafka["pid"]
    kafka |= {"sasl_plain_username": "hrmis", "sasl_plain_password": password}
    submission_id = str(uuid.uuid4())
    await ask(kafka, submission_id)
    await follow(kafka, submission_id)


asyncio.run(main(sys.argv[1]))
