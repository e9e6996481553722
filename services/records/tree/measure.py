"""How old the newest checkpoint is, as operators see it."""

from prometheus_client import CollectorRegistry, Gauge

from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.health import Sampler
from services.records.tree.checkpoints import Checkpoints


def measuring(checkpoints: Checkpoints, registry: CollectorRegistry, clock: Clock) -> Sampler:
    """What sets `bmt_checkpoint_age_seconds` before it is read; without a checkpoint it is endless."""
    gauge = Gauge(
        "bmt_checkpoint_age_seconds",
        "How long ago the newest checkpoint of the ledger was signed; one is due every minute.",
        registry=registry,
    )
    gauge.set(float("inf"))

    async def sample() -> None:
        if (latest := await checkpoints.latest()) is not None:
            gauge.set(max(0.0, (clock() - latest.at).total_seconds()))

    return sample
