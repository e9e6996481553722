"""The tree in MongoDB: every leaf has one number, whoever gives it, and what is changed is found."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from eventually import eventually
from fixtures.ledger_keys import new_keys, people_of

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import DuplicateKeyError
from bmt.contracts.envelope import rfc3339
from bmt.verify_record import root_from_proof
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.ledger.verification import LiveTree, Trusted
from services.records.tree.checkpoints import (
    Checkpoint,
    Checkpoints,
    Note,
    NothingSigned,
    SignedCheckpoint,
    Signer,
    TreeReading,
)
from services.records.tree.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    verifies_consistency,
)
from services.records.tree.sequencer import CHAIN, HistoryChanged, Lease, Sequencer, Unsequenced
from services.records.tree.tree_store import TreeStore, one_by_one, place_of

pytestmark = pytest.mark.integration

PEM = new_keys()
SIGNER = Signer.from_pem("bmt.records", PEM)
PROCESS = Path(__file__).with_name("sequencer_process.py")


class AlwaysHeld(Lease):
    """A lease that everybody believes to have: what a paused process wakes up with."""

    async def held(self) -> bool:
        return True


class Ledger:
    """Leaves, and sequencers over them."""

    def __init__(self, database):
        self.database = database
        self.leaves = Leaves(database.leaves, clock.now, people_of(database))
        self.queue = Unsequenced(database)
        self.tree = TreeStore(database)
        self.checkpoints = Checkpoints(database)
        self.reading = TreeReading(self.tree, self.checkpoints)

    async def add(self, request_id, count, *, queued=True):
        """So many more leaves of one request."""
        had = len(await self.leaves.of(request_id))
        events = [f"{request_id}-{had + place:05}" for place in range(count)]
        added = await self.leaves.add_all(
            [Entry(request_id, "t", {"id": id_, "source": "s", "type": "t"}) for id_ in events]
        )
        places = [place_of(leaf) for leaf in added]
        if queued:
            await self.queue.add(places)
        return places

    def sequencer(self, lease=Lease, **changes):
        settings = {
            "leaves": self.leaves,
            "queue": self.queue,
            "tree": self.tree,
            "checkpoints": self.checkpoints,
            "lease": lease(self.database, clock.now),
            "signer": SIGNER,
            "origin": "bmt.records",
            "clock": clock.now,
            "after": timedelta(0),
            "leaves_at_most": 256,
        }
        return Sequencer(**{**settings, **changes})

    async def faults(self, **trusted):
        tree = LiveTree(self.database, Trusted(SIGNER.verifiers, **trusted))
        return [fault async for fault in tree.faults()]

    async def wrong(self, **trusted):
        return {fault.wrong for fault in await self.faults(**trusted)}

    async def hashes(self):
        runs = await self.database.sequence.find().sort("_id", 1).to_list(None)
        return [leaf["hash"] for run in runs for leaf in one_by_one(run)]


@pytest.fixture
async def ledger(database):
    ledger = Ledger(database)
    await ledger.leaves.prepare()
    await ledger.tree.prepare()
    return ledger


async def drained(sequencer):
    while await sequencer.step():
        pass


async def test_every_leaf_is_numbered_once_in_the_order_of_its_chain_and_proven(ledger):
    for request_id, count in (("a", 300), ("b", 2), ("c", 511)):
        await ledger.add(request_id, count)
    await drained(ledger.sequencer())

    signed = (await ledger.reading.latest()).checkpoint
    assert signed.size == 300 + 2 + 511 + 1
    assert Note.parse((await ledger.reading.latest()).note).signed_by(SIGNER.verifiers)
    for request_id, count in (("a", 300), ("b", 2), ("c", 511), (CHAIN, 1)):
        chain = await ledger.leaves.of(request_id)
        indexes = range(1, count + 1)
        proofs = await ledger.reading.proofs(request_id, indexes, signed.size)
        assert [proof.sequence for proof in proofs] == sorted(proof.sequence for proof in proofs)
        for leaf, proof in zip(chain, proofs, strict=True):
            place = (proof.sequence, signed.size)
            hash_ = bytes.fromhex(leaf.hash)
            assert root_from_proof(hash_, *place, proof.hashes) == signed.root
    assert await ledger.faults() == []


async def test_every_checkpoint_begins_the_next(ledger):
    sequencer = ledger.sequencer()
    seen = []
    for count in (1, 254, 2, 600):
        await ledger.add("a", count)
        await drained(sequencer)
        seen.append((await ledger.reading.latest()).checkpoint)
    for first in seen:
        for second in seen:
            if first.size <= second.size:
                proof = await ledger.reading.consistency(first.size, second.size)
                places = (first.size, first.root, second.size, second.root)
                assert verifies_consistency(*places, proof)
    assert await ledger.faults(outside=(await ledger.reading.latest()).note) == []


async def test_a_checkpoint_of_no_leaves_hides_no_later_one(ledger):
    empty = Checkpoint("bmt.records", 0, EMPTY_ROOT, rfc3339(clock.now()))
    note = SIGNER.sign(empty.text())
    await ledger.checkpoints.add(SignedCheckpoint(1, note, clock.now()), 0)
    await ledger.add("a", 3)
    await drained(ledger.sequencer())
    assert (await ledger.reading.latest()).number > 1
    assert await ledger.faults() == []


async def test_a_leaf_that_nobody_queued_is_numbered_with_the_one_after_it(ledger):
    await ledger.add("a", 3, queued=False)
    await ledger.add("a", 1)
    await drained(ledger.sequencer())
    numbers = await ledger.tree.numbers(["a"])
    assert [numbers["a", index] for index in range(1, 5)] == sorted(numbers.values())


async def test_what_is_queued_again_keeps_its_number(ledger):
    places = await ledger.add("a", 5)
    await drained(ledger.sequencer())
    before = await ledger.hashes()
    await ledger.queue.add(places)
    await drained(ledger.sequencer(AlwaysHeld))
    assert await ledger.hashes() == before
    assert (await ledger.queue.first(10)).leaves == []


async def test_leaves_that_wait_together_are_one_document_until_there_are_too_many(ledger):
    await ledger.add("a", 300)
    assert await ledger.database.unsequenced.count_documents({}) == 2
    await drained(ledger.sequencer())
    assert [run["_id"] async for run in ledger.database.sequence.find().sort("_id", 1)] == [0, 256]
    assert await ledger.database.unsequenced.count_documents({}) == 0


async def test_leaves_that_an_earlier_version_numbered_one_by_one_keep_their_numbers(ledger):
    """Its queue, too, has a document for each leaf."""
    numbered = await ledger.add("a", 300, queued=False)
    await ledger.database.sequence.insert_many(
        [{"_id": number, **asdict(leaf)} for number, leaf in enumerate(numbered)]
    )
    waiting = await ledger.add("b", 2, queued=False)
    await ledger.database.unsequenced.insert_many(
        [{"_id": f"event-{leaf.index}", **asdict(leaf)} for leaf in waiting]
    )
    await ledger.add("a", 1)
    await drained(ledger.sequencer())

    numbers = await ledger.tree.numbers(["a", "b"])
    assert [numbers["a", index] for index in range(1, 301)] == list(range(300))
    assert await ledger.tree.size() == 300 + 2 + 1 + 1
    assert await ledger.database.tiles.count_documents({}) == 1
    signed = (await ledger.reading.latest()).checkpoint
    for request_id, last in (("a", 301), ("b", 2)):
        proofs = await ledger.reading.proofs(request_id, range(1, last + 1), signed.size)
        for leaf, proof in zip(await ledger.leaves.of(request_id), proofs, strict=True):
            place = (proof.sequence, signed.size)
            hash_ = bytes.fromhex(leaf.hash)
            assert root_from_proof(hash_, *place, proof.hashes) == signed.root
    assert await ledger.faults() == []


async def test_an_earlier_version_that_wakes_from_a_pause_is_overtaken(ledger):
    """It would have given the same numbers, to documents of one leaf each."""
    await ledger.add("a", 10)
    await drained(ledger.sequencer())
    await ledger.add("a", 5)
    await drained(ledger.sequencer(AlwaysHeld))
    for number in (0, 11):
        with pytest.raises(DuplicateKeyError):
            await ledger.database.sequence.insert_one(
                {"_id": number, "request_id": "z", "index": 1, "hash": bytes(32)}
            )


async def test_a_new_sequencer_goes_on_where_the_last_one_died(ledger):
    """After the numbers, before the tiles: the worst place."""
    await ledger.add("a", TILE_WIDTH * 2)
    dying = ledger.sequencer()
    dying._tree = NoTiles(ledger.database)
    with pytest.raises(Died):
        await drained(dying)
    assert await ledger.database.tiles.count_documents({}) == 0
    await ledger.add("b", 3)
    await drained(ledger.sequencer(AlwaysHeld))
    assert await ledger.database.tiles.count_documents({}) == 2
    assert await ledger.faults() == []


class Died(Exception):  # noqa: N818
    """In the place of os._exit."""


class NoTiles(TreeStore):
    async def keep(self, tiles):
        if tiles:
            raise Died


async def test_sequencers_that_all_believe_to_be_the_one_make_one_tree(ledger):
    sequencers = [ledger.sequencer(AlwaysHeld) for _ in range(3)]
    requests = [f"r{number}" for number in range(12)]

    async def grow():
        for _ in range(6):
            await asyncio.gather(*(ledger.add(request_id, 9) for request_id in requests))

    async def run(sequencer):
        while not grown.done() or await sequencer.step():
            await sequencer.step()

    grown = asyncio.create_task(grow())
    await asyncio.gather(grown, *(run(sequencer) for sequencer in sequencers))
    await drained(ledger.sequencer(AlwaysHeld))

    assert await ledger.tree.size() == 12 * 54 + 1
    assert await ledger.faults() == []


@asynccontextmanager
async def sequencing(mongodb, database):
    """A sequencer in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROCESS), mongodb, database.name), stdin=asyncio.subprocess.PIPE
    )
    process.stdin.write(PEM.encode())
    process.stdin.close()
    yield process
    process.kill()
    await process.wait()


async def test_a_sequencer_that_wakes_from_a_pause_does_no_harm(ledger, mongodb):
    async def grown(to):
        async def enough():
            assert await ledger.tree.size() >= to

        await eventually(enough, 30)

    async with sequencing(mongodb, ledger.database) as first:
        await ledger.add("a", 300)
        await grown(301)
        async with sequencing(mongodb, ledger.database) as second:
            for _ in range(5):
                await ledger.add("b", 10)
            first.send_signal(signal.SIGSTOP)
            await ledger.add("c", 50)
            await grown(401)  # the second one, once the lease has run out
            first.send_signal(signal.SIGCONT)
            for request_id in "defg":
                await ledger.add(request_id, 10)
            await grown(441)
            assert (first.returncode, second.returncode) == (None, None)
    await drained(ledger.sequencer(AlwaysHeld))

    assert await ledger.tree.size() == 441
    assert await ledger.faults() == []


async def test_one_sequencer_at_a_time_and_the_next_at_once_after_it(ledger):
    first, second = ledger.sequencer(), ledger.sequencer()
    await ledger.add("a", 3)
    assert await first.step()
    await ledger.add("a", 3)
    assert not await second.step()
    await first.close()
    assert await second.step()
    assert await ledger.tree.size() == 7


async def test_what_is_not_signed_yet_has_no_proof(ledger):
    with pytest.raises(NothingSigned):
        await ledger.reading.latest()
    await ledger.add("a", 1)
    await drained(ledger.sequencer())
    size = (await ledger.reading.latest()).checkpoint.size
    with pytest.raises(NothingSigned):
        await ledger.reading.proofs("a", [1, 2], size)


async def test_a_change_of_keys_is_a_leaf_and_both_sign_meanwhile(ledger):
    old, new = new_keys(), new_keys()
    for pem in (old, old + new, new):
        await drained(ledger.sequencer(signer=Signer.from_pem("bmt.records", pem)))
        await ledger.database.sequencer.delete_many({})
    told = [leaf.event["data"]["keys"] for leaf in await ledger.leaves.of(CHAIN)]
    assert [len(keys) for keys in told] == [1, 2, 1]
    note = Note.parse((await ledger.reading.latest()).note)
    assert note.signed_by(Signer.from_pem("bmt.records", new).verifiers)


@asynccontextmanager
async def tampered(collection, where, *, to=None):
    before = await collection.find_one(where)
    assert before is not None
    await collection.delete_one(where)
    if to is not None:
        await collection.insert_one({**before, **to})
    yield
    await collection.delete_one({"_id": before["_id"]})
    await collection.insert_one(before)


@pytest.fixture
async def signed(ledger):
    """600 leaves, two checkpoints."""
    sequencer = ledger.sequencer()
    for count in (299, 300):
        await ledger.add("a", count)
        await drained(sequencer)
    return ledger


@pytest.mark.parametrize(
    ("collection", "where", "to", "wrong"),
    [
        ("sequence", {"_id": 0}, {"hashes": bytes(32 * 256)}, "sequence_mismatch"),
        ("sequence", {"_id": 0}, {"hashes": bytes(32 * 255)}, "sequence_mismatch"),
        ("sequence", {"_id": 0}, {"leaves": []}, "sequence_mismatch"),
        ("sequence", {"_id": 0}, None, "sequence_gap"),
        ("sequence", {"_id": 556}, None, "truncated"),
        ("tiles", {"_id": 1}, {"hashes": bytes(32 * 256)}, "tile_mismatch"),
        ("tiles", {"_id": 1}, None, "tile_mismatch"),
        ("checkpoints", {"_id": 1}, None, "checkpoint_missing"),
        ("checkpoints", {"_id": 1}, {"note": "bmt.records\n0\n"}, "checkpoint_missing"),
        ("leaves", {"index": 7}, None, "sequence_mismatch"),
        ("leaves", {"index": 7}, {"hash": "0" * 64}, "sequence_mismatch"),
        ("leaves", {"index": 400}, {"recorded_at": "2020-01-01T00:00:00.000000Z"}, "backdated"),
    ],
)
async def test_whatever_is_changed_is_found(signed, collection, where, to, wrong):
    assert await signed.faults() == []
    async with tampered(signed.database[collection], where, to=to):
        assert wrong in await signed.wrong()


async def test_a_history_written_anew_is_found_by_a_checkpoint_from_outside_and_not_signed(signed):
    """All of it: leaves, numbers, tiles and checkpoints, as somebody with the database and the key could."""
    kept = (await signed.reading.latest()).note
    for collection in ("sequence", "tiles", "checkpoints"):
        await signed.database[collection].delete_many({})
    await signed.database.leaves.delete_one({"request_id": "a", "index": 599})
    await signed.add("a", 1)
    await signed.queue.add(await signed.add("b", 2))
    await drained(signed.sequencer(AlwaysHeld))

    assert await signed.wrong() == set()
    assert await signed.wrong(outside=kept) == {"checkpoint_mismatch"}


async def test_where_the_history_was_changed_nothing_more_is_signed(signed):
    async with tampered(signed.database.sequence, {"_id": 556}, to={"hashes": bytes(32 * 44)}):
        with pytest.raises(HistoryChanged):
            await signed.sequencer(AlwaysHeld).step()
    async with tampered(signed.database.sequence, {"_id": 556}):
        with pytest.raises(HistoryChanged):
            await signed.sequencer(AlwaysHeld).step()
    assert await signed.sequencer(AlwaysHeld).step()


async def test_a_checkpoint_that_another_key_signed_is_named(signed):
    stranger = Signer.from_pem("bmt.records", new_keys())
    tree = LiveTree(signed.database, Trusted(stranger.verifiers))
    assert {fault.wrong async for fault in tree.faults()} == {"signature_wrong"}


async def test_what_was_stored_before_there_was_a_tree_is_numbered_when_it_is_asked_for(ledger):
    await ledger.add("a", 3, queued=False)
    sequencer = ledger.sequencer(after=timedelta(hours=1))
    await drained(sequencer)
    size = (await ledger.reading.latest()).checkpoint.size

    await sequencer.request_signature(await ledger.leaves.of("a"))
    await drained(sequencer)

    assert size == 1
    signed = (await ledger.reading.latest()).checkpoint.size
    assert len(await ledger.reading.proofs("a", [1, 2, 3], signed)) == 3
