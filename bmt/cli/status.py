"""`bmt status`: on one screen whether all works, whether all published events were recorded, and what waits."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
import structlog
import typer
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.observability import new_registry, set_up_logs
from bmt.cli import connections
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, NotSo, Since, moment, show
from bmt.cli.connections import MongodbAddress, mongodb_client
from bmt.findings import Finding, Process, System
from bmt.reconciliation import Gap, Missing, Reconciliation, gaps

log = structlog.get_logger(__name__)

ANSWERS_WITHIN_SECONDS = 5.0
LATE_AFTER = timedelta(minutes=1)
"""An event that is unpublished for longer means that Kafka or its service is down."""
REPUBLISHED_AFTER = timedelta(minutes=5)
"""An event that is missing this long, in two rounds, will not arrive by itself."""
LOOKED_BACK = timedelta(minutes=10)
"""Rounds overlap by this: an event too young for the last one is old enough now."""

Every = Annotated[
    int | None,
    typer.Option(min=1, max=86_400, metavar="N", help="Stay, and look again every N seconds."),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        metavar="PORT",
        envvar="BMT_PORT",
        help="Serve the figures for Prometheus.",
    ),
]
MetricsHost = Annotated[
    str, typer.Option(metavar="ADDRESS", envvar="BMT_HOST", help="Where they are served.")
]
Republish = Annotated[
    bool, typer.Option("--republish", help="Have what is missing published again, once.")
]


@dataclass(frozen=True)
class Status:
    """What was found.

    Attributes:
        gaps: what consumers have not recorded.
        outbox: by service, the unpublished commits and the time of the oldest (UTC).
        parked: by service, events that wait for an operator or for an earlier event.
        republishing: by service, jobs under way.
        system: the processes' own metrics; None: their addresses are not known.
    """

    gaps: Sequence[Gap]
    outbox: Mapping[str, tuple[int, datetime | None]]
    parked: Mapping[str, int]
    republishing: Mapping[str, int]
    system: System | None = None

    def findings(self) -> list[Finding]:
        """What the processes' own figures show, without those that MongoDB gives more exactly."""
        found = self.system.findings() if self.system else []
        return [one for one in found if one.code not in ("outbox_late", "events_parked")]

    def faults(self, now: datetime) -> list[str]:
        """What is wrong, a line each."""
        late = [
            f"{service} has {waiting} events to publish, the oldest since {moment(oldest)}"
            for service, (waiting, oldest) in self.outbox.items()
            if oldest is not None and now - oldest > LATE_AFTER
        ]
        parked = [f"{service} has {n} events parked" for service, n in self.parked.items() if n]
        findings = [
            f"{one.about}: {one.sentence[:-1]}{_since(one.since)} → {one.command}"
            for one in self.findings()
        ]
        return [*(_line(gap) for gap in self.gaps), *late, *parked, *findings]


def status(
    since: Since = None,
    republish: Republish = False,
    every_seconds: Every = None,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what works and since when, and compare what each service published with what its consumers recorded.

    Exit code 1 where something is missing, parked, refused and not seen to, waits to be published for over a minute, or does not work.
    """
    address = connections.reconciler(data)
    if every_seconds is None:
        urls = connections.processes(data)
        found = asyncio.run(_once(address, urls, since, republish=republish))
        _show(found, as_json=as_json)
    else:
        serve = (metrics_port, metrics_host) if metrics_port else None
        _stay(address, every_seconds, serve, republish=republish)


def _show(found: Status, *, as_json: bool) -> None:
    faults = found.faults(clock.now())
    under_way = [
        f"{service} publishes again what was published before ({jobs} jobs)"
        for service, jobs in found.republishing.items()
        if jobs
    ]
    shown = list(_overview(found.system)) if found.system else []
    lines = [*shown, *([*faults, *under_way] or [GOOD])]
    show(_document(found, faults), lines, as_json=as_json)
    if faults:
        needs = "thing needs" if len(faults) == 1 else "things need"
        raise NotSo(f"{len(faults)} {needs} an operator")


GOOD = "Everything that was published is recorded by all its consumers."


def _since(at: datetime | None) -> str:
    return f" since {moment(at)}" if at else ""


def _overview(system: System) -> Iterator[str]:
    """Each process and each part, a line each."""
    for one in system.processes:
        state = "up" if one.is_up else "does not answer"
        yield f"{one.name:<13} {state}{_since(one.since)}{_figures(one)}"
    for part in system.parts:
        state = "up" if part.is_up else f"missed by {', '.join(part.missed_by)}"
        yield f"{part.name:<13} {state}{_since(part.since)}"
    for name, agency, age in system.ages():
        yield f"{f'{name} {agency}'.strip():<13} {age.total_seconds():.0f} s old"
    yield ""


def _figures(one: Process) -> str:
    if not one.is_up:
        return ""
    waiting = f"{one.outbox} to publish, {one.unread} unread, {one.parked} parked"
    return f"; version {one.version}; {waiting}, {one.letters} refused"


def _line(gap: Gap) -> str:
    some = ", ".join(gap.requests)
    return (
        f"{gap.consumer} has not recorded {gap.events} events of {gap.publisher}, "
        f"the oldest of {moment(gap.oldest)}: requests {some}"
    )


def _document(found: Status, faults: Sequence[str]) -> Mapping[str, Any]:
    return {
        "ok": not faults,
        "missing": [asdict(gap) for gap in found.gaps],
        "services": {
            service: {
                "outbox_pending": waiting,
                "outbox_oldest": oldest,
                "parked": found.parked[service],
                "republishing": found.republishing[service],
            }
            for service, (waiting, oldest) in found.outbox.items()
        },
        **_of_system(found),
    }


def _of_system(found: Status) -> Mapping[str, Any]:
    if found.system is None:
        return {}
    return {
        "processes": {
            one.name: {
                "up": one.is_up,
                "since": one.since,
                "version": one.version,
                "unread": one.unread,
                "dead_letters": one.letters,
            }
            for one in found.system.processes
        },
        "parts": {
            part.name: {
                "up": part.is_up,
                "since": part.since,
                "missed_by": list(part.missed_by),
            }
            for part in found.system.parts
        },
        "ages": [
            {"of": name, "agency": agency or None, "seconds": round(age.total_seconds())}
            for name, agency, age in found.system.ages()
        ],
        "findings": [
            {
                "code": one.code,
                "about": one.about,
                "since": one.since,
                "detail": one.sentence,
                "command": one.command,
            }
            for one in found.findings()
        ],
    }


async def _metrics_of(urls: Mapping[str, str]) -> Mapping[str, str | None]:
    """Each process's `/metrics`; None: it does not answer."""

    async def of(client: httpx.AsyncClient, url: str) -> str | None:
        try:
            answer = await client.get(f"{url}/metrics")
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.text if answer.is_success else None

    async with httpx.AsyncClient(timeout=ANSWERS_WITHIN_SECONDS, trust_env=False) as client:
        texts = await asyncio.gather(*(of(client, url) for url in urls.values()))
    return dict(zip(urls, texts, strict=True))


async def _once(
    address: MongodbAddress,
    urls: Mapping[str, str],
    since: datetime | None,
    *,
    republish: bool,
) -> Status:
    system = System(await _metrics_of(urls), clock.now()) if urls else None
    async with mongodb_client(address) as client:
        stores = Reconciliation(client, address.prefix)
        missing = await stores.missing(clock.now(), since)
        if republish:
            await stores.republish(missing, clock.now())
        waiting = await stores.waiting()
    return Status(
        gaps(missing),
        {service: each.outbox for service, each in waiting.items()},
        {service: each.parked for service, each in waiting.items()},
        {service: each.republishing for service, each in waiting.items()},
        system,
    )


def _stay(
    address: MongodbAddress,
    every_seconds: int,
    serve: tuple[int, str] | None,
    *,
    republish: bool,
) -> None:
    """Repeats for ever; it waits for a MongoDB that is down."""
    set_up_logs("reconciliation", "info")
    registry = new_registry()
    figures = Figures(registry)
    if serve is not None:
        start_http_server(*serve, registry)
    asyncio.run(_rounds(address, every_seconds, figures.show, republish=republish))


class Figures:
    """The metrics of the reconciliation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._unrecorded = Gauge(
            "bmt_unrecorded_events",
            "Events that were published and that a consumer has not recorded.",
            ["publisher", "consumer"],
            registry=registry,
        )
        self._looked = Gauge(
            "bmt_reconciliation_timestamp_seconds",
            "When what was published was last compared with what was recorded.",
            registry=registry,
        )

    def show(self, gaps: Sequence[Gap]) -> None:
        self._unrecorded.clear()
        for gap in gaps:
            self._unrecorded.labels(gap.publisher, gap.consumer).set(gap.events)
        self._looked.set(time.time())


async def _rounds(
    address: MongodbAddress,
    every_seconds: int,
    shown: Callable[[Sequence[Gap]], None],
    *,
    republish: bool,
) -> None:
    since: datetime | None = None  # the first round looks at all that there is
    async with mongodb_client(address) as client:
        stores = Reconciliation(client, address.prefix)
        missing: Sequence[Missing] = ()
        while True:
            now = clock.now()
            try:
                before, missing = set(missing), await stores.missing(now, since)
                lost = [
                    one
                    for one in missing
                    if one in before and now - one.recorded_at > REPUBLISHED_AFTER
                ]
                if republish and lost:
                    again = await stores.republish(lost, now)
                    log.warning("events_unrecorded", events=len(lost), republished=again)
            except Unavailable as error:
                log.warning("reconciliation_waits", part=error.part)
            else:
                shown(gaps(missing))
                since = min([now, *(one.recorded_at for one in missing)]) - LOOKED_BACK
            await asyncio.sleep(every_seconds)
