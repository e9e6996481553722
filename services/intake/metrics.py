"""Metrics that are computed when they are read: requests by status, and the directory's breaker."""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Gauge

from bmt.agencies.register import Agencies
from services.intake.directory import CONNECTOR, Directory
from services.intake.queries import Requests


def sampler(
    registry: CollectorRegistry, requests: Requests, directory: Directory, agencies: Agencies
) -> Callable[[], Awaitable[None]]:
    """The function that sets the gauges; no label names a person or a request."""
    by_status = Gauge(
        "bmt_requests",
        "Requests by agency and status.",
        ["agency", "status"],
        registry=registry,
    )
    breaker = Gauge(
        "bmt_connector_breaker_open",
        "1 while calls are left out, because the last ones failed.",
        ["connector"],
        registry=registry,
    ).labels(CONNECTOR)
    codes = [agency.code for agency in agencies]

    async def sample() -> None:
        breaker.set(directory.paused)
        counted = await requests.count(codes)
        by_status.clear()
        for (agency, status), count in counted.items():
            by_status.labels(agency, status).set(count)

    return sample
