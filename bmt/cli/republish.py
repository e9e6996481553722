"""`bmt republish`: publishes events again; consumers recognise those they have recorded."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from bmt.chassis.messaging import republishing
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.runtime import clock
from bmt.cli import addresses
from bmt.cli.addresses import MongodbAddress
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
from bmt.cli.views import finished
from bmt.contracts.topics import WRITERS


def _uuid(request: str | None) -> str | None:
    try:
        return str(uuid.UUID(request)) if request is not None else None
    except ValueError:
        raise typer.BadParameter(f"{request} is no request's id") from None


Service = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", callback=known_service, help="What this service published, alone."
    ),
]
Request = Annotated[
    str | None, typer.Option(metavar="ID", callback=_uuid, help="What is about this request.")
]


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
    services = [service] if service else list(WRITERS.values())
    address = addresses.reconciler(data)
    stream = f"request-{request}" if request else None
    jobs = asyncio.run(_run(address, services, stream, since, wait))
    document = {
        name: {"events": job.events, "finished": job.finished_at is not None}
        for name, job in jobs.items()
    }
    lines = [
        f"{name}: {counted(job.events, 'event')} published again"
        + ("" if job.finished_at else ", not done yet")
        for name, job in jobs.items()
    ]
    show({"services": document}, lines, as_json=as_json)
    if late := [name for name, job in jobs.items() if job.finished_at is None]:
        raise NotSo(f"not done yet: {', '.join(late)} (is it running?)")
    if request and not any(job.events for job in jobs.values()):
        raise NotSo(f"{' and '.join(services)} published nothing about {request}, or it was pruned")


async def _run(
    address: MongodbAddress,
    services: Sequence[str],
    stream: str | None,
    since: datetime | None,
    wait: int,
) -> Mapping[str, Job]:
    now = clock.now()
    job = Job(clock.new_id(), "an operator asked for it", now, stream, since)
    async with mongodb_client(address) as client:
        stores = {
            name: Jobs(client[f"{address.prefix}{name}"][republishing.COLLECTION])
            for name in services
        }
        for store in stores.values():
            await store.add(job)
        found = await finished(stores, {name: [job.id] for name in stores}, wait)
    return {name: jobs[0] for name, jobs in found.items()}
