"""A sequencer in a process of its own: python sequencer_process.py MONGODB_URI DATABASE; its keys on stdin."""

import asyncio
import sys
from datetime import timedelta

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import connect
from services.records.ledger.leaves import Leaves
from services.records.sealing.keys import MasterKey, PersonKeys
from services.records.tree.checkpoints import Checkpoints, Signer
from services.records.tree.sequencer import Lease, Sequencer, Unsequenced
from services.records.tree.tree_store import TreeStore


async def main(uri: str, name: str, keys: str) -> None:
    database = connect(uri)[name]
    people = PersonKeys(database, [MasterKey(bytes(32))], clock.now)
    await Sequencer(
        leaves=Leaves(database.leaves, clock.now, people),
        queue=Unsequenced(database),
        tree=TreeStore(database),
        checkpoints=Checkpoints(database),
        lease=Lease(database, clock.now),
        signer=Signer.from_pem("bmt.records", keys),
        origin="bmt.records",
        clock=clock.now,
        after=timedelta(seconds=0.2),
        leaves_at_most=256,
    ).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.read()))
