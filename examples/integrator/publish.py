"""Ask for the service from another agency's system, and print what becomes of it.

.venv/bin/python examples/integrator/publish.py .bmt/ready.json
"""

import asyncio
import json
import sys
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

PUBLIC = [f"bmt.{name}.v1" for name in ("requests", "decisions", "configurations", "notifications")]
SITI = {
    "account": "siti.mampu@mygovuc.gov.my",
    "name": "Siti",
    "email": "siti.mampu@mygovuc.gov.my",
}
ASKED = {"kind": "application", "agency": "MAMPU", "applicant": SITI, "justification": "Fail besar"}


async def ask(kafka: dict[str, str], ours: str) -> None:
    """Publish one RequestSubmitted (CloudEvents, binary mode) on our own inbound topic."""
    event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/hrmis"}
    event |= {"type": "my.gov.bmt.RequestSubmitted.v1", "time": datetime.now(UTC).isoformat()}
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items()]
    value = json.dumps(ASKED | {"source_reference": ours}).encode()
    async with AIOKafkaProducer(**kafka, acks="all") as producer:
        await producer.send_and_wait("bmt.inbound.hrmis.v1", value, headers=headers)


async def follow(kafka: dict[str, str], ours: str) -> None:
    """Print the events of our request; its first names our reference, and may come last."""
    request_id, heard = None, defaultdict(list)
    async with AIOKafkaConsumer(*PUBLIC, **kafka, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            said = {name: value.decode() for name, value in record.headers}
            heard[said["ce_subject"]].append(f"{said['ce_time']} {said['ce_type']}")
            if json.loads(record.value).get("source_reference") == ours:
                request_id = said["ce_subject"]
            while heard[request_id]:
                print(heard[request_id].pop(0))


async def main(ready_file: str) -> None:
    """Ask once, then follow until interrupted."""
    kafka = json.loads(Path(ready_file).read_text())["kafka"]  # noqa: ASYNC240  once, at the start
    password = kafka.pop("principals")["hrmis"]
    del kafka["pid"]
    kafka |= {"sasl_plain_username": "hrmis", "sasl_plain_password": password}
    ours = f"HR/{uuid.uuid4()}"
    await ask(kafka, ours)
    await follow(kafka, ours)


asyncio.run(main(sys.argv[1]))
