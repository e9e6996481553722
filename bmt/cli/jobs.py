"""`bmt views rebuild`, `bmt republish` and `bmt prune`: what the services do again, and the removal of working copies that were filed long ago."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from bmt.chassis.errors import Unavailable
from bmt.chassis.messaging import republishing
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock
from bmt.cli import connections
from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    Data,
    NotSo,
    Since,
    Wait,
    counted,
    known_service,
    show,
)
from bmt.cli.connections import mongodb_client
from bmt.contracts.topics import WRITERS
from bmt.pruning import Pruned, PrunedDocuments, prune_documents, prune_streams

LOOKED_EVERY_SECONDS: Final = 0.5
WHY: Final = "an operator asked for it"

views = typer.Typer(
    help="Lists and pages that services make of their events.", no_args_is_help=True
)


@views.callback()
def _of_views() -> None:
    """Keeps `rebuild` a subcommand."""


def _uuid(request: str | None) -> str | None:
    try:
        return str(uuid.UUID(request)) if request is not None else None
    except ValueError:
        raise typer.BadParameter(f"{request} is no request's id") from None


OfService = Annotated[
    str | None,
    typer.Argument(metavar="[SERVICE]", callback=known_service, help="Of this service alone."),
]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="This view alone.")]
Service = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", callback=known_service, help="What this service published, alone."
    ),
]
Request = Annotated[
    str | None, typer.Option(metavar="ID", callback=_uuid, help="What is about this request.")
]


@views.command()
def rebuild(
    service: OfService = None,
    name: Name = None,
    wait: Wait = 3600,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make views again: all of all services, unless said otherwise.

    The services do it beside their work, and answer meanwhile: each document is replaced once. Left as it is what a
    service's own events do not tell. Exit code 1 when it is not done after the time to wait (the services go on all
    the same).
    """
    found = asyncio.run(_rebuilt(data, _some(service), name, wait))
    each = [(service, job) for service, jobs in found.items() for job in jobs]
    document = {
        service: {
            job.id: {"documents": job.documents, "left": job.left, "finished": _is_done(job)}
            for job in jobs
        }
        for service, jobs in found.items()
    }
    lines = [
        f"{service} {job.id}: {counted(job.documents, 'document')} made again"
        + (f", {job.left} left as they were" if job.left else "")
        + ("" if _is_done(job) else ", not done yet")
        for service, job in each
    ]
    show({"services": document}, lines, as_json=as_json)
    _require_done({f"{service} {job.id}": job for service, job in each})


def republish(
    service: Service = None,
    since: Since = None,
    request: Request = None,
    wait: Wait = 600,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Publish again what was published once: by all services, of all requests, unless said otherwise.

    The services do it beside their work. What `bmt prune` may have removed is left out. Exit code 1 when it is not
    done after the time to wait (the services go on all the same), and where nothing is about the request.
    """
    services = _some(service)
    stream = f"request-{request}" if request else None
    jobs = asyncio.run(_republished(data, services, stream, since, wait))
    document = {
        name: {"events": job.events, "finished": _is_done(job)} for name, job in jobs.items()
    }
    lines = [
        f"{name}: {counted(job.events, 'event')} published again"
        + ("" if _is_done(job) else ", not done yet")
        for name, job in jobs.items()
    ]
    show({"services": document}, lines, as_json=as_json)
    _require_done(jobs)
    if request and not any(job.events for job in jobs.values()):
        raise NotSo(f"{' and '.join(services)} published nothing about {request}, or it was pruned")


def _some(service: str | None) -> Sequence[str]:
    return [service] if service else list(WRITERS.values())


def _is_done(job: Job) -> bool:
    return job.finished_at is not None


def _require_done(jobs: Mapping[str, Job]) -> None:
    if late := [name for name, job in jobs.items() if not _is_done(job)]:
        raise NotSo(f"not done yet: {', '.join(late)} (is it running?)")


async def _rebuilt(
    data: Path, services: Sequence[str], name: str | None, wait: int
) -> Mapping[str, Sequence[Job]]:
    async with _jobs(data, services, rebuilding.COLLECTION) as stores:
        wanted = {service: await _wanted(service, store, name) for service, store in stores.items()}
        for service, names in wanted.items():
            for one in names:
                await stores[service].add(Job(one, WHY, clock.now()))
        return await _finished(stores, wanted, wait)


async def _wanted(service: str, store: Jobs, name: str | None) -> Sequence[str]:
    """The views to rebuild, of those that the service has named."""
    names = [job.id for job in await store.all()]
    if not names:
        raise NotSo(f"{service} has named no views yet (was it ever started?)")
    if name is not None and name not in names:
        raise typer.BadParameter(f"{service} can make again {', '.join(names)}; not {name}")
    return [name] if name else names


async def _republished(
    data: Path, services: Sequence[str], stream: str | None, since: datetime | None, wait: int
) -> Mapping[str, Job]:
    job = Job(clock.new_id(), WHY, clock.now(), stream, since)
    async with _jobs(data, services, republishing.COLLECTION) as stores:
        for store in stores.values():
            await store.add(job)
        found = await _finished(stores, {name: [job.id] for name in stores}, wait)
    return {name: jobs[0] for name, jobs in found.items()}


@asynccontextmanager
async def _jobs(
    data: Path, services: Sequence[str], collection: str
) -> AsyncIterator[Mapping[str, Jobs]]:
    """The jobs of these services."""
    address = connections.reconciler(data)
    async with mongodb_client(address) as client:
        yield {name: Jobs(client[f"{address.prefix}{name}"][collection]) for name in services}


async def _finished(
    stores: Mapping[str, Jobs], wanted: Mapping[str, Sequence[str]], wait: int
) -> Mapping[str, Sequence[Job]]:
    """How each stands once all are done, or the time is over."""
    ends = asyncio.get_running_loop().time() + wait
    while True:
        found = {service: await store.find(wanted[service]) for service, store in stores.items()}
        done = all(_is_done(job) for jobs in found.values() for job in jobs)
        if done or asyncio.get_running_loop().time() >= ends:
            return found
        await asyncio.sleep(LOOKED_EVERY_SECONDS)


Report = tuple[dict[str, Pruned], PrunedDocuments]
DAYS = 90
Days = Annotated[
    int,
    typer.Option(
        "--older-than-days",
        min=0,
        max=36_500,
        envvar="BMT_PRUNE_AFTER_DAYS",
        metavar="N",
        help="Filed more than so many days ago.",
    ),
]


Every = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=24 * 366,
        metavar="N",
        help="Stay, and do it again each time after so many hours.",
    ),
]
Touch = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Made anew after each time, for whoever watches over it."),
]
AGAIN_AFTER_SECONDS = 300.0
"""The pause after MongoDB could not be reached."""


def prune(
    older_than_days: Days = DAYS,
    every_hours: Every = None,
    touch: Touch = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Remove the services' working copies of requests filed long ago, and documents that nobody names.

    The record is not touched. Stopped anywhere, the same again goes on. Run it once a day.
    """
    if every_hours is None:
        _once(older_than_days, touch, data, as_json=as_json)
    while every_hours is not None:
        time.sleep(_pause(every_hours, older_than_days, touch, data, as_json=as_json))


def _pause(hours: int, days: int, touch: Path | None, data: Path, *, as_json: bool) -> float:
    """Prunes, and returns the seconds until the next time, which are few if MongoDB is down."""
    try:
        _once(days, touch, data, as_json=as_json)
    except Unavailable as error:
        typer.echo(
            f"{error.part} cannot be reached: again in {AGAIN_AFTER_SECONDS:.0f} s", err=True
        )
        return AGAIN_AFTER_SECONDS
    return hours * 3600.0


def _once(days: int, touch: Path | None, data: Path, *, as_json: bool) -> None:
    before = datetime.now(UTC) - timedelta(days=days)
    streams, documents = asyncio.run(_pruned(data, before))
    if as_json:
        found = {name: asdict(pruned) for name, pruned in streams.items()}
        typer.echo(json.dumps({"services": found, "documents": asdict(documents)}, indent=2))
    else:
        typer.echo(_text(streams, documents))
    if touch is not None:
        touch.touch()


async def _pruned(data: Path, before: datetime) -> Report:
    address = connections.pruner(data)
    async with mongodb_client(address) as client:
        streams = await prune_streams(client, address.prefix, before)
        return streams, await prune_documents(client, address.prefix, before)


def _text(streams: "dict[str, Pruned]", documents: PrunedDocuments) -> str:
    lines = [
        f"{name}: {pruned.requests} requests, {pruned.commits} commits removed"
        + (f"; {pruned.in_force} kept, their configuration is in force" if pruned.in_force else "")
        for name, pruned in streams.items()
    ]
    given_back = f"; {documents.given_back} given back" if documents.given_back else ""
    removed = f"documents: {documents.removed} removed, {documents.bytes} bytes{given_back}"
    return "\n".join([*lines, removed])
