"""`bmt views`: rebuilds the services' views from their events."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock
from bmt.cli import addresses
from bmt.cli.addresses import MongodbAddress
from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    Data,
    NotSo,
    Wait,
    counted,
    known_service,
    show,
)
from bmt.cli.connections import mongodb_client
from bmt.contracts.topics import WRITERS

LOOKED_EVERY_SECONDS = 0.5

app = typer.Typer(help="Lists and pages that services make of their events.", no_args_is_help=True)


@app.callback()
def _of_views() -> None:
    """Keeps `rebuild` a subcommand."""


Service = Annotated[
    str | None,
    typer.Argument(metavar="[SERVICE]", callback=known_service, help="Of this service alone."),
]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="This view alone.")]


@app.command()
def rebuild(
    service: Service = None,
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
    services = [service] if service else list(WRITERS.values())
    found = asyncio.run(_run(addresses.reconciler(data), services, name, wait))
    document = {
        service: {
            job.id: {
                "documents": job.documents,
                "left": job.left,
                "finished": job.finished_at is not None,
            }
            for job in jobs
        }
        for service, jobs in found.items()
    }
    lines = [
        f"{service} {job.id}: {counted(job.documents, 'document')} made again"
        + (f", {job.left} left as they were" if job.left else "")
        + ("" if job.finished_at else ", not done yet")
        for service, jobs in found.items()
        for job in jobs
    ]
    show({"services": document}, lines, as_json=as_json)
    late = [
        f"{service} {job.id}"
        for service, jobs in found.items()
        for job in jobs
        if job.finished_at is None
    ]
    if late:
        raise NotSo(f"not done yet: {', '.join(late)} (is it running?)")


async def _run(
    address: MongodbAddress, services: Sequence[str], name: str | None, wait: int
) -> Mapping[str, Sequence[Job]]:
    async with mongodb_client(address) as client:
        stores = {
            service: Jobs(client[f"{address.prefix}{service}"][rebuilding.COLLECTION])
            for service in services
        }
        wanted = {service: await _wanted(service, store, name) for service, store in stores.items()}
        for service, names in wanted.items():
            await _ask(stores[service], names)
        return await finished(stores, wanted, wait)


async def _wanted(service: str, store: Jobs, name: str | None) -> Sequence[str]:
    """The views to rebuild, of those that the service has named."""
    names = [job.id for job in await store.all()]
    if not names:
        raise NotSo(f"{service} has named no views yet (was it ever started?)")
    if name is not None and name not in names:
        raise typer.BadParameter(f"{service} can make again {', '.join(names)}; not {name}")
    return [name] if name else names


async def _ask(store: Jobs, names: Sequence[str]) -> None:
    for name in names:
        await store.add(Job(name, "an operator asked for it", clock.now()))


async def finished(
    stores: Mapping[str, Jobs], wanted: Mapping[str, Sequence[str]], wait: int
) -> Mapping[str, Sequence[Job]]:
    """How each stands once all are done, or the time is over."""
    ends = asyncio.get_running_loop().time() + wait
    while True:
        found = {service: await store.find(wanted[service]) for service, store in stores.items()}
        done = all(job.finished_at for jobs in found.values() for job in jobs)
        if done or asyncio.get_running_loop().time() >= ends:
            return found
        await asyncio.sleep(LOOKED_EVERY_SECONDS)
