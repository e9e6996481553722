"""Whether a service is alive and ready, since when each part that it stands on is there, and its metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from bmt.chassis.http.openapi import problems
from bmt.contracts.problems import Refused

ReadinessCheck = Callable[[], Awaitable[object]]
"""Returns when the part can be used; raises when it cannot."""

Sampler = Callable[[], Awaitable[None]]
"""Updates gauges just before they are read."""

CHECK_SECONDS: Final = 2.0
"""How long a readiness check or a sampler may take."""

WATCH_SECONDS: Final = 10.0
"""How often a process looks at its parts by itself."""

_log = structlog.get_logger()


class Parts:
    """Which parts a process can use now, and since when: told by its metrics, and by the log when one comes or goes."""

    def __init__(
        self, registry: CollectorRegistry, seconds: Callable[[], float] = time.time
    ) -> None:
        self._up = Gauge(
            "bmt_part_up", "1 while this process can use the part.", ["part"], registry=registry
        )
        self._changed = Gauge(
            "bmt_part_changed_timestamp_seconds",
            "When the part was last seen to come or go; at first, when it was first looked at.",
            ["part"],
            registry=registry,
        )
        self._seconds = seconds
        self._seen: dict[str, bool] = {}

    def note(self, part: str, up: bool, error: str = "") -> None:  # noqa: FBT001  what is told
        before = self._seen.get(part)
        if before == up:
            return
        self._seen[part] = up
        self._up.labels(part).set(up)
        self._changed.labels(part).set(self._seconds())
        if not up:
            _log.warning("part_not_ready", part=part, error=error)
        elif before is not None:
            _log.info("part_ready_again", part=part)

    def noting(self, part: str) -> Callable[[bool], None]:
        """Whether this part can be used, as whoever calls it finds out."""
        return partial(self.note, part)

    async def missing(self, checks: Mapping[str, ReadinessCheck]) -> list[str]:
        """The names of the parts whose check fails or does not return in time."""
        answers = await asyncio.gather(*(self._is_ready(name, checks[name]) for name in checks))
        return [name for name, ready in zip(checks, answers, strict=True) if not ready]

    async def watch(self, checks: Mapping[str, ReadinessCheck]) -> None:
        """Look for ever, so that it is known since when a part is missing."""
        while True:
            await self.missing(checks)
            await asyncio.sleep(WATCH_SECONDS)

    async def _is_ready(self, part: str, check: ReadinessCheck) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:  # noqa: BLE001  whatever is wrong, the part is not ready
            self.note(part, up=False, error=repr(error))
            return False
        self.note(part, up=True)
        return True


def health_routes(
    registry: CollectorRegistry,
    readiness: Mapping[str, ReadinessCheck],
    parts: Parts,
    samplers: Sequence[Sampler] = (),
) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`, without a token: they contain no personal data."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="Alive")
    async def healthz() -> Mapping[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Ready", responses=problems("unavailable"))
    async def readyz() -> Mapping[str, str]:
        missing = await parts.missing(readiness)
        if missing:
            raise Refused(
                f"Not ready. Missing: {', '.join(missing)}.",
                problem="unavailable",
                extra={"missing": list(missing)},
            )
        return {"status": "ready"}

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await asyncio.gather(*(_sample(sampler) for sampler in samplers))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


async def _sample(sampler: Sampler) -> None:
    """A gauge that cannot be read keeps its last value. The others are still updated."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await sampler()
    except Exception as error:  # noqa: BLE001  the metrics of everything else must be readable
        _log.warning("sample_failed", error=repr(error))
