"""Leaves a second, from the event to the signed tree, against bare inserts; and proofs in a large tree."""

import asyncio
import hashlib
import random
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figure, percentile
from bench.options import Options
from bench.reviews import commit
from bench.system import running
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import IndexModel, connect
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.sealing.keys import MasterKey, Person, PersonKeys
from services.records.tree.checkpoints import Checkpoints, Signer, TreeReading
from services.records.tree.sequencer import Lease, Sequencer, Unsequenced
from services.records.tree.tree_store import Sequenced, TreeStore, place_of

NAME: Final = "ledger"
AT_A_TIME: Final = 500
CHAIN: Final = 10
"""Leaves of one request."""
PROOFS: Final = 300
SECONDS_BETWEEN_LOOKS: Final = 0.01


async def run(options: Options) -> list[Figure]:
    """Rounds of leaves, each beside bare inserts of the same documents; then a tree of `commits` leaves."""
    ours, bare = [], []
    async with running([]) as bench:
        client = connect(bench.system.mongodb.uri())
        database = client["bench_ledger"]
        for _ in range(options.rounds):
            events = _events(options.requests)
            ours.append(len(events) / await _timed(_added(database, events)))
            leaves = await database["leaves"].find().limit(len(events)).to_list(None)
            bare.append(len(leaves) / await _timed(_inserted(database, leaves)))
        await client.drop_database("bench_ledger")
        proofs = await _proofs(database, options.commits)
        await client.drop_database("bench_ledger")
        client.close()
    size = f"{options.commits:,} leaves"
    return [
        Figure(NAME, "leaves chained, numbered, signed", "/s", ours, bare, goal="≥ 0.3 ×"),
        Figure(
            NAME,
            f"proof in a tree of {size}, p50",
            "ms",
            [percentile(proofs, 0.5)],
            higher_is_better=False,
        ),
        Figure(
            NAME,
            f"proof in a tree of {size}, p99",
            "ms",
            [percentile(proofs, 0.99)],
            goal="≤ 20",
            higher_is_better=False,
        ),
    ]


def _events(count: int) -> list[Entry]:
    entries, request_id = [], ""
    for number in range(count):
        data = orjson.loads(commit(number)["events"][0]["data"])
        event = {"id": clock.new_id(), "source": "/bmt/intake", "type": "t", "data": data}
        if number % CHAIN == 0:
            request_id = clock.new_id()
        person = Person("MAMPU", f"orang-{number // CHAIN}")
        entries.append(Entry(request_id, "bmt.requests.v1", event, person))
    return entries


async def _added(database: Any, entries: list[Entry]) -> None:
    people = PersonKeys(database, [MasterKey(bytes(32))], clock.now)
    ledger = Leaves(database.leaves, clock.now, people)
    queue = Unsequenced(database)
    tree = TreeStore(database)
    await ledger.prepare()
    await tree.prepare()
    sequencer = Sequencer(
        leaves=ledger,
        queue=queue,
        tree=tree,
        checkpoints=Checkpoints(database),
        lease=Lease(database, clock.now),
        signer=Signer("bench", [Ed25519PrivateKey.generate()]),
        origin="bench",
        clock=clock.now,
        after=timedelta(seconds=2),
        leaves_at_most=256,
    )
    before = await tree.size()
    sequencing = asyncio.create_task(sequencer.run())
    for start in range(0, len(entries), AT_A_TIME):
        some = entries[start : start + AT_A_TIME]
        added = await ledger.add_all(some)
        await queue.add([place_of(leaf) for leaf in added])
    while True:
        if await tree.size() >= before + len(entries):
            break
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    sequencing.cancel()
    await asyncio.gather(sequencing, return_exceptions=True)
    await sequencer.close()


async def _inserted(database: Any, leaves: list[dict[str, Any]]) -> None:
    bare = database["bare"]
    await bare.drop()
    chain = IndexModel([("request_id", 1), ("index", 1)], unique=True)
    await bare.create_indexes([chain])
    for start in range(0, len(leaves), AT_A_TIME):
        await bare.insert_many(leaves[start : start + AT_A_TIME], ordered=False)


async def _proofs(database: Any, count: int) -> list[float]:
    """Milliseconds of the proofs of one request's leaves, of requests anywhere in the tree."""
    tree = TreeStore(database)
    await tree.prepare()
    edge = await tree.edge()
    while edge.size < count:
        start = edge.size
        leaves = [_made_up(number) for number in range(start, min(start + 2 * AT_A_TIME, count))]
        await tree.number(start, leaves)
        await tree.keep(edge.append([leaf.hash for leaf in leaves]))
    reading = TreeReading(tree, Checkpoints(database))
    chance, times = random.Random(1), []
    for _ in range(PROOFS):
        leaf = _made_up(chance.randrange(count))
        proof = reading.proofs(leaf.request_id, [leaf.index], count)
        times.append(1000 * await _timed(proof))
    return times


def _made_up(number: int) -> Sequenced:
    hash_ = hashlib.sha256(number.to_bytes(8)).digest()
    return Sequenced(f"request-{number // CHAIN}", number % CHAIN + 1, hash_)


async def _timed(what: Coroutine[Any, Any, Any]) -> float:
    began = time.perf_counter()
    await what
    return time.perf_counter() - began
