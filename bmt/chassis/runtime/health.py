"""Whether a service is alive and ready, and its metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
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

_log = structlog.get_logger()


def health_routes(
    registry: CollectorRegistry,
    readiness: Mapping[str, ReadinessCheck],
    samplers: Sequence[Sampler] = (),
) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`, without a token: they contain no personal data."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="Alive")
    async def healthz() -> Mapping[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Ready", responses=problems("unavailable"))
    async def readyz() -> Mapping[str, str]:
        missing = await missing_parts(readiness)
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


async def missing_parts(readiness: Mapping[str, ReadinessCheck]) -> list[str]:
    """The names of the parts whose check fails or does not return in time."""
    answers = await asyncio.gather(*(_is_ready(name, readiness[name]) for name in readiness))
    return [name for name, ready in zip(readiness, answers, strict=True) if not ready]


async def _is_ready(part: str, check: ReadinessCheck) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001  whatever is wrong, the part is not ready
        _log.warning("part_not_ready", part=part, error=repr(error))
        return False
    return True


async def _sample(sampler: Sampler) -> None:
    """A gauge that cannot be read keeps its last value. The others are still updated."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await sampler()
    except Exception as error:  # noqa: BLE001  the metrics of everything else must be readable
        _log.warning("sample_failed", error=repr(error))
