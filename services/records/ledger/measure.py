"""How large the ledger is."""

from prometheus_client import CollectorRegistry, Gauge

from bmt.chassis.runtime.health import Sampler
from services.records.ledger.leaves import Leaves


def measuring(leaves: Leaves, registry: CollectorRegistry) -> Sampler:
    """What sets `bmt_ledger_leaves` before it is read."""
    gauge = Gauge("bmt_ledger_leaves", "Events in the ledger.", registry=registry)

    async def sample() -> None:
        gauge.set(await leaves.count())

    return sample
