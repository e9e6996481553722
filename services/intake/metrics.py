"""What intake measures by looking: requests by status, and whether the directory is let alone."""

from prometheus_client import CollectorRegistry, Gauge

from bmt.agencies.register import Agencies
from services.intake.directory.scim import CONNECTOR
from services.intake.directory.snapshot import Directory
from services.intake.queries import Requests


class Gauges:
    """Set just before metrics are read."""

    def __init__(
        self,
        registry: CollectorRegistry,
        requests: Requests,
        directory: Directory,
        agencies: Agencies,
    ) -> None:
        """Registers them; no label names a person or a request."""
        self._requests = Gauge(
            "bmt_requests",
            "Requests by agency and status.",
            ["agency", "status"],
            registry=registry,
        )
        self._breaker = Gauge(
            "bmt_connector_breaker_open",
            "1 while calls are left out, because the last ones failed.",
            ["connector"],
            registry=registry,
        ).labels(CONNECTOR)
        self._query = requests
        self._agencies = [agency.code for agency in agencies]
        self._directory = directory

    async def sample(self) -> None:
        """Look them up; a status that no request has any more is no longer told."""
        self._breaker.set(self._directory.paused)
        counted = await self._query.count(self._agencies)
        self._requests.clear()
        for (agency, status), count in counted.items():
            self._requests.labels(agency, status).set(count)
