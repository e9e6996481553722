"""Which keys sign is itself a leaf: a chain of the ledger's own tells when they changed, and to what."""

from typing import Any, Final

from bmt.chassis.runtime.clock import Clock
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.tree.notes import Signer
from services.records.tree.tree_store import place_of
from services.records.tree.unsequenced import Unsequenced

CHAIN: Final = "ledger"
"""The chain of what the ledger tells of itself; no request has such an id."""

TYPE: Final = "my.gov.bmt.records.LedgerKeysChanged.v1"


async def tell_keys(leaves: Leaves, queue: Unsequenced, signer: Signer, clock: Clock) -> None:
    """Add a leaf with the public keys that sign now, unless the last one tells the same."""
    keys = sorted(map(str, signer.verifiers))
    chain = await leaves.of(CHAIN)
    if chain and chain[-1].event["data"]["keys"] == keys:
        leaf = chain[-1]
    else:
        leaf = await leaves.add(Entry(CHAIN, topics.RECORDS, _event(len(chain) + 1, keys, clock)))
    # Again and again: what was added, and not queued, by a process that died is queued now.
    await queue.add([place_of(leaf)])


def _event(number: int, keys: list[str], clock: Clock) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{CHAIN}-keys-{number}",
        "source": "/bmt/records",
        "type": TYPE,
        "subject": CHAIN,
        "time": rfc3339(clock()),
        "data": {"keys": keys},
    }
