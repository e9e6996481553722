"""Ask for the service from another agency's system, and print what becomes of it.

    .venv/bin/python examples/integrator/publish.py .bmt/ready.json

An integrator writes to its own inbound topic alone, and reads the four public ones.
"""

import asyncio, json, sys, uuid  # noqa: E401  thirty lines are the point
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

TOPICS = ["requests", "decisions", "configurations", "notifications", "records", "dead-letters"]
PERSON = {"account": "siti.mampu@mygovuc.gov.my", "name": "Siti", "email": "siti.mampu@mygovuc.gov.my"}
ASKED = {"kind": "application", "agency": "MAMPU", "applicant": PERSON, "source_reference": "HR/1",
         "justification": "Menghantar fail latihan yang besar", "documents": []}  # fmt: skip


async def main(ready_file: str) -> None:
    kafka = json.loads(Path(ready_file).read_text())["kafka"]
    me = {"security_protocol": kafka["security_protocol"], "sasl_mechanism": kafka["sasl_mechanism"],
          "sasl_plain_username": "hrmis", "sasl_plain_password": kafka["principals"]["hrmis"],
          "bootstrap_servers": kafka["bootstrap_servers"]}  # fmt: skip
    event = {"ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": "/hrmis",
             "ce_type": "my.gov.bmt.RequestSubmitted.v1", "ce_time": datetime.now(UTC).isoformat(),
             "content-type": "application/json"}  # fmt: skip
    async with AIOKafkaProducer(**me, acks="all") as producer:
        await producer.send_and_wait("bmt.inbound.hrmis.v1", json.dumps(ASKED).encode(), b"HR/1",
                                     headers=[(k, v.encode()) for k, v in event.items()])  # fmt: skip
    topics = [f"bmt.{name}.v1" for name in TOPICS[:-1]]
    async with AIOKafkaConsumer(*topics, **me, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            said = {name: value.decode() for name, value in record.headers}
            print(said["ce_time"], said["ce_subject"], said["ce_type"].split(".")[3])


asyncio.run(main(sys.argv[1]))
