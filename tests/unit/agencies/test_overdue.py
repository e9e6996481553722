"""The charter's overdue requests, as a gauge for every agency."""

from fixtures.service import AGENCIES_FILE
from prometheus_client import CollectorRegistry

from bmt.agencies import register
from bmt.agencies.register import overdue_sampler


async def test_every_agency_has_a_figure_and_what_is_no_more_overdue_is_zero_again():
    registry, counts = CollectorRegistry(), {"JPA": 2, "LAMA": 1}

    async def count() -> dict[str, int]:
        return counts

    def figures() -> dict[str, float]:
        (metric,) = registry.collect()
        return {s.labels["agency"]: s.value for s in metric.samples if s.labels["step"] == "decide"}

    sample = overdue_sampler(registry, "decide", register.read(AGENCIES_FILE), count)
    await sample()
    assert figures() == {"JPA": 2, "LAMA": 1, "MAMPU": 0, "KPM": 0}
    counts.clear()
    await sample()
    assert figures() == {"JPA": 0, "MAMPU": 0, "KPM": 0}
