"""What the consumer is compared with: the same work by bare libraries, in waves of 500.

getmany, pydantic, one find, one insert_many (majority and journal), send and wait, one update_many,
commit offsets. It has no view, no parking, no dead letters, no retries, no metrics, no versions.
"""

import asyncio
import contextlib
import time
import uuid
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo.errors import BulkWriteError

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.contracts.events import RequestReceived, ReviewOpened

WAVE = 500


async def consume(kafka: dict[str, Any], uri: str, count: int) -> tuple[float, float]:
    """Seconds and CPU seconds that so many events took, from the first wave on."""
    client = connect(uri)
    commits = client[f"bench_{uuid.uuid4().hex[:8]}"]["commits"]
    await commits.create_index([("stream", 1), ("version", 1)], unique=True)
    consumer = AIOKafkaConsumer(
        topics.REQUESTS,
        group_id=f"bench-{uuid.uuid4()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **kafka,
    )
    producer = AIOKafkaProducer(
        acks="all", enable_idempotence=True, max_batch_size=256 * 1024, **kafka
    )
    await consumer.start()
    await producer.start()
    began = cpu = 0.0
    while count > 0:
        polled = await consumer.getmany(timeout_ms=1000, max_records=WAVE)
        if polled and not began:
            began, cpu = time.perf_counter(), time.process_time()
        records = [record for part in polled.values() for record in part]
        if records:
            await _wave(records, commits, producer)
            await consumer.commit()
        count -= len(records)
    taken = time.perf_counter() - began, time.process_time() - cpu
    await consumer.stop()
    await producer.stop()
    await client.drop_database(commits.database.name)
    client.close()
    return taken


async def _wave(records: list[Any], commits: Any, producer: AIOKafkaProducer) -> None:
    incoming = [RequestReceived.model_validate_json(record.value) for record in records]
    streams = [f"request-{event.request.request_id}" for event in incoming]
    known = {each["stream"] async for each in commits.find({"stream": {"$in": streams}})}
    documents, said = [], []
    for record, event, stream in zip(records, incoming, streams, strict=True):
        if stream in known:
            continue
        opened = ReviewOpened(
            request=event.request, due_at=event.request.received_at, warnings=event.warnings
        )
        causation = dict(record.headers)["ce_id"].decode()
        documents.append(
            {
                "_id": causation,
                "stream": stream,
                "version": 1,
                "events": [{"type": opened.TYPE, "data": opened.model_dump(mode="json")}],
                "outbox": True,
            }
        )
        headers = [("ce_id", causation.encode()), ("ce_type", opened.TYPE.encode())]
        said.append((record.key, opened.model_dump_json().encode(), headers))
    if not documents:
        return
    with contextlib.suppress(BulkWriteError):  # somebody stored some of them before
        await commits.insert_many(documents, ordered=False)
    sent = [
        await producer.send(topics.DECISIONS, value, key, headers=headers)
        for key, value, headers in said
    ]
    await asyncio.gather(*sent)
    ids = [document["_id"] for document in documents]
    await commits.update_many({"_id": {"$in": ids}}, {"$unset": {"outbox": ""}})
