"""`bmt_charter_overdue_requests`: the client charter's promises that are not kept."""

from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge

from bmt.agencies.register import Agencies
from bmt.chassis.runtime.observability import Sampler

CountOverdue = Callable[[], Awaitable[Mapping[str, int]]]
"""How many requests of each agency are overdue; an agency with none may be absent."""


def overdue_sampler(
    registry: CollectorRegistry, step: str, agencies: Agencies, count: CountOverdue
) -> Sampler:
    """Sets the gauge of one step (`decide`, `configure`, `notify`) for every agency."""
    gauge = Gauge(
        "bmt_charter_overdue_requests",
        "Requests whose step should be done by now (client charter).",
        ["agency", "step"],
        registry=registry,
    )

    async def sample() -> None:
        counts = await count()
        gauge.clear()
        for agency in {*counts, *(agency.code for agency in agencies)}:
            gauge.labels(agency, step).set(counts.get(agency, 0))

    return sample
