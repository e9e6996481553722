"""Whole procedures a second, from accepted to filed, and what each process spends on them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer

from bench.figures import Figure
from bench.http_client import Connection, connections
from bench.options import Options
from bench.processes import Meter
from bench.profiler import profiled
from bench.submissions import approvals, submission
from bench.system import Bench, running
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics

NAME: Final = "procedures"
CLIENTS: Final = 64
MOST_IN_ONE_CALL: Final = 500
SECONDS_WITHOUT_PROGRESS: Final = 60.0
GATHERING_SECONDS: Final = 0.05
"""What becomes ready to be decided within it is decided in one call."""


@dataclass
class IncomingEvent:
    """What the topics said that the clients wait for."""

    to_decide: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    opened: set[str] = field(default_factory=set)
    filed: set[str] = field(default_factory=set)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, kind: bytes, request_id: str) -> None:
        """One event."""
        if kind.endswith(b".ReviewOpened.v1") and request_id not in self.opened:
            self.opened.add(request_id)
            self.to_decide.put_nowait(request_id)
        elif kind.endswith(b".Filed.v1") and request_id not in self.filed:
            self.filed.add(request_id)
            self.told.set()


async def run(options: Options) -> list[Figure]:
    """Rounds of so many procedures on one system, after a short one to warm up."""
    total = options.requests * (options.rounds + 1)
    async with running(accounts=total) as bench:
        before = await _stored(bench)
        rates, spent = await rounds(bench, options)
        after = await _stored(bench)
    done = options.requests // 4 + options.requests * options.rounds
    return [
        Figure(NAME, "whole procedures, accepted to filed", "/s", rates, goal="≥ 300"),
        *_costs(spent),
        *(
            Figure(NAME, what, unit, [(value - before[what, unit]) / done])
            for (what, unit), value in after.items()
        ),
    ]


async def rounds(bench: Bench, options: Options) -> tuple[list[float], list[Mapping[str, float]]]:
    """Procedures a second, and milliseconds of CPU a procedure by process, of each round after a short one."""
    rates: list[float] = []
    spent: list[Mapping[str, float]] = []
    async with _listening(bench) as incoming:
        tokens = bench.administrators(CLIENTS)
        await _round(bench, incoming, tokens, range(options.requests // 4))
        for number in range(1, options.rounds + 1):
            whose = range(number * options.requests, (number + 1) * options.requests)
            meter = Meter.start(bench.pids)
            async with profiled(bench.pids, options.profile):
                rates.append(len(whose) / await _round(bench, incoming, tokens, whose))
            spent.append({name: s * 1000 / len(whose) for name, s in meter.used().items()})
    return rates, spent


async def one_round(bench: Bench, count: int) -> None:
    """So many procedures on a system of somebody else's."""
    async with _listening(bench) as incoming:
        await _round(bench, incoming, bench.administrators(CLIENTS), range(count))


def _costs(spent: list[Mapping[str, float]]) -> list[Figure]:
    names = [name for name in spent[0] if name not in ("ipms", "issuer")]
    costs = [
        Figure(
            NAME,
            f"CPU of {name}",
            "s/1,000",
            [each[name] for each in spent],
            higher_is_better=False,
        )
        for name in names
    ]
    own = ("intake", "approval", "provisioning", "notification", "records", "statistics")
    sums = [sum(each[name] for name in own) for each in spent]
    return [*costs, Figure(NAME, "CPU of our processes", "s/1,000", sums, higher_is_better=False)]


async def _stored(bench: Bench) -> Mapping[tuple[str, str], float]:
    """What is in the services' databases and in the broker's log, and what mongod wrote since it was started."""
    client = connect(bench.system.mongodb.uri())
    try:
        names = [name for name in await client.list_database_names() if name.startswith("bmt_")]
        sizes = [await client[name].command("dbStats") for name in names]
        written = (await client.admin.command("serverStatus"))["metrics"]["document"]
    finally:
        client.close()
    log = [file.stat().st_size for file in bench.system.kafka.data().rglob("*.log")]
    kilobytes = {
        "MongoDB, documents": sum(each["dataSize"] for each in sizes),
        "MongoDB, indexes": sum(each["indexSize"] for each in sizes),
        "MongoDB, on disk": sum(each["totalSize"] for each in sizes),
        "Kafka, one copy": sum(log),
    }
    return {
        **{(what, "kB each"): size / 1000 for what, size in kilobytes.items()},
        **{
            (f"MongoDB, {what}", "each"): written[what]
            for what in ("inserted", "updated", "deleted")
        },
    }


async def _round(bench: Bench, incoming: IncomingEvent, tokens: list[str], whose: range) -> float:
    """Seconds from the first accepted to the last filed."""
    accepted_at: list[float] = []
    filed_before = len(incoming.filed)
    async with connections(bench.port("intake"), len(tokens)) as intake:
        numbers = iter(whose)
        deciding = asyncio.create_task(_decide(bench, incoming, tokens[0], len(whose)))
        async with asyncio.TaskGroup() as group:
            for connection, token in zip(intake, tokens, strict=True):
                group.create_task(_submit(connection, token, numbers, accepted_at))
        await deciding
        await _all_filed(incoming, filed_before + len(whose))
    return time.monotonic() - accepted_at[0]


async def _submit(
    connection: Connection, token: str, numbers: AsyncIterator[int], accepted_at: list[float]
) -> None:
    for number in numbers:
        status, body = await connection.call(submission(number, token))
        if status != 201:
            raise RuntimeError(f"intake answers {status}: {body!r}")
        accepted_at.append(time.monotonic())


async def _decide(bench: Bench, incoming: IncomingEvent, token: str, count: int) -> None:
    while count:
        ready = [await asyncio.wait_for(incoming.to_decide.get(), SECONDS_WITHOUT_PROGRESS)]
        await asyncio.sleep(GATHERING_SECONDS)  # time itself: an administrator lets some gather
        while not incoming.to_decide.empty() and len(ready) < MOST_IN_ONE_CALL:
            ready.append(incoming.to_decide.get_nowait())
        # A connection each: the services close those that were idle for some seconds.
        async with connections(bench.port("approval"), 1) as (connection,):
            status, body = await connection.call(approvals(ready, token))
        results = json.loads(body)["results"] if status == 200 else []
        refused = [each for each in results if each["status"] != 201]
        if refused or status != 200:
            raise RuntimeError(f"approval answers {status}: {refused or body!r}")
        count -= len(ready)


async def _all_filed(incoming: IncomingEvent, count: int) -> None:
    while len(incoming.filed) < count:
        incoming.told.clear()
        try:
            await asyncio.wait_for(incoming.told.wait(), SECONDS_WITHOUT_PROGRESS)
        except TimeoutError:
            raise RuntimeError(f"{count - len(incoming.filed)} of {count} are not filed") from None


@asynccontextmanager
async def _listening(bench: Bench) -> AsyncIterator[IncomingEvent]:
    """Two topics, read as an outsider reads them; only headers are looked at."""
    incoming = IncomingEvent()
    consumer = AIOKafkaConsumer(
        topics.DECISIONS, topics.RECORDS, auto_offset_reset="earliest", **bench.kafka()
    )
    await consumer.start()
    listening = asyncio.create_task(_listen(consumer, incoming))
    try:
        yield incoming
    finally:
        listening.cancel()
        await consumer.stop()


async def _listen(consumer: AIOKafkaConsumer, incoming: IncomingEvent) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                incoming.take(dict(record.headers)["ce_type"], record.key.decode())
