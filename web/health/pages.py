"""One page, made of what each process says of itself: `/readyz` and `/metrics`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from web.clients import ServiceClients, ServiceName
from web.login import Admitted
from web.ports import Here
from web.site import Area

SERVICES: Final[tuple[ServiceName, ...]] = (
    "intake",
    "approval",
    "provisioning",
    "notification",
    "records",
)
OUTBOX_SECONDS: Final = 60.0
"""An event that waits for Kafka longer than this means that Kafka is down, as `bmt status` sees it."""
CHECKPOINT_SECONDS: Final = 900.0
MAILBOX_SECONDS: Final = 900.0

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs an operator: the sentence in Malay, what it is about, and the command that shows more."""

    what: str
    about: str
    command: str


@dataclass(frozen=True, slots=True)
class Health:
    """What one service says of itself.

    Attributes:
        missing: the parts it cannot reach; None: it does not answer.
        outbox: events that Kafka has not got yet.
        parked: events whose handling failed, with those behind them.
        lag: events that it has not read yet.
    """

    service: ServiceName
    missing: Sequence[str] | None
    outbox: int = 0
    parked: int = 0
    lag: int = 0
    findings: Sequence[Finding] = field(default_factory=list)

    @property
    def is_up(self) -> bool:
        return self.missing is not None and not self.missing


@router.get("/")
async def health(
    request: Request, here: Here, _: Annotated[Principal, Depends(Admitted("operator"))]
) -> Response:
    """All services, asked at the same time."""
    found = await asyncio.gather(*(_health(here.clients, name) for name in SERVICES))
    findings = [finding for one in found for finding in one.findings]
    return here.layout.page(
        request, "health.html", found=found, findings=findings, now=here.clock()
    )


async def _health(clients: ServiceClients, service: ServiceName) -> Health:
    try:
        ready, metrics = await asyncio.gather(
            clients.operational(service, "/readyz"), clients.operational(service, "/metrics")
        )
    except Unavailable:
        absent = Finding("Perkhidmatan tidak menjawab.", service, "bmt status")
        return Health(service, None, findings=[absent])
    missing = [] if ready.is_success else list(ready.json().get("missing", ()))
    figures = Figures(metrics.text)
    return Health(
        service,
        missing,
        outbox=int(figures.total("bmt_outbox_pending")),
        parked=int(figures.total("bmt_parked_events")),
        lag=int(figures.total("kafka_consumergroup_lag")),
        findings=[*_missing(service, missing), *figures.findings(service)],
    )


def _missing(service: str, missing: Sequence[str]) -> Sequence[Finding]:
    return [
        Finding(
            "Bahagian yang diperlukan tidak dapat dicapai.", f"{service} → {part}", "bmt status"
        )
        for part in missing
    ]


class Figures:
    """The samples of one `/metrics`, by name."""

    def __init__(self, exposition: str) -> None:
        self._samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def total(self, name: str) -> float:
        return sum(value for _, value in self._samples.get(name, ()))

    def above(self, name: str, limit: float, label: str = "") -> Sequence[str]:
        """The label's values whose sample is above the limit."""
        found = self._samples.get(name, ())
        return [labels.get(label, "") for labels, value in found if value > limit]

    def findings(self, service: str) -> Sequence[Finding]:
        """What an operator has to look at, by the same limits as the alerts."""
        found: list[Finding] = []
        if self.above("bmt_outbox_oldest_seconds", OUTBOX_SECONDS):
            found.append(
                Finding("Peristiwa menunggu Kafka melebihi seminit.", service, "bmt status")
            )
        if self.total("bmt_parked_events"):
            found.append(
                Finding(
                    "Peristiwa yang gagal dikendalikan menunggu operator.",
                    service,
                    f"bmt parked list --service {service}",
                )
            )
        found += [
            Finding(
                "Sistem luar tidak menjawab; kerjanya menunggu.", connector, "bmt failures list"
            )
            for connector in self.above("bmt_connector_breaker_open", 0, "connector")
        ]
        found += [
            Finding("Konfigurasi gagal dan menunggu keputusan.", agency, "bmt failures list")
            for agency in self._failed_configurations()
        ]
        if self.above("bmt_checkpoint_age_seconds", CHECKPOINT_SECONDS):
            found.append(Finding("Rekod tidak lagi ditandatangani.", service, "bmt records verify"))
        found += [
            Finding("Peti mel lama tidak dibaca.", agency, "bmt status")
            for agency in self.above("bmt_mailbox_last_look_seconds", MAILBOX_SECONDS, "agency")
        ]
        if self.total("bmt_views_left_behind_total"):
            found.append(
                Finding("Paparan tertinggal di belakang peristiwa.", service, "bmt views rebuild")
            )
        return found

    def _failed_configurations(self) -> Sequence[str]:
        found = self._samples.get("bmt_requests", ())
        return [
            labels.get("agency", "")
            for labels, value in found
            if value and labels.get("status") == "configuration_failed"
        ]


AREA: Final = Area("/health", Path(__file__).parent, [router], roles=("operator",))
