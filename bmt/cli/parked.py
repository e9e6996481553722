"""`bmt parked`: list, retry and discard events whose handling failed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson, By, Data, Limit, Reason, known_service
from bmt.cli.outcome import reported

if TYPE_CHECKING:
    from bmt.cli.parking_lots import Lots

app = typer.Typer(help="Events whose handling failed.", no_args_is_help=True)


Service = Annotated[
    str | None,
    typer.Option(
        "--service", metavar="NAME", callback=known_service, help="In this service's lot alone."
    ),
]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="As `list` names them.")]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` names them.")]
All = Annotated[bool, typer.Option("--all", help="Every event that waits for an operator.")]


@app.command("list")
def list_(
    service: Service = None,
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show what waits, the oldest first, and what for."""
    with reported():
        from bmt.cli import parking_lots  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        waiting, total = asyncio.run(_with_lots(data, service, lambda lots: lots.listed(limit)))
        show(
            parking_lots.document(waiting, total),
            parking_lots.lines(waiting, total),
            as_json=as_json,
        )


@app.command()
def retry(
    by: By,
    ids: SomeIds = None,
    everything: All = False,  # noqa: FBT002 - an option
    service: Service = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Let the service try again, with all its tries; a request's events keep their order."""
    if bool(ids) == everything:
        raise typer.BadParameter("name events or say --all")
    with reported():
        from bmt.chassis.runtime import clock  # noqa: PLC0415 - the command starts fast

        def act(lots: "Lots") -> Awaitable[int]:
            now = clock.now()
            return lots.retry_all(by, now) if everything else lots.retry(ids or (), by, now)

        _tell("retried", asyncio.run(_with_lots(data, service, act)), as_json=as_json)


@app.command()
def discard(
    ids: Ids,
    reason: Reason,
    by: By,
    service: Service = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Give events up: their services take them out of the lot, and their requests go on without them.

    Who, when and why is kept with each. An integrator's submission is answered: it was refused.
    """
    with reported():
        from bmt.chassis.runtime import clock  # noqa: PLC0415 - the command starts fast
        from bmt.cli.parking_lots import SeveralLots  # noqa: PLC0415

        def act(lots: "Lots") -> Awaitable[int]:
            return lots.discard(ids, reason, by, clock.now())

        try:
            number = asyncio.run(_with_lots(data, service, act))
        except SeveralLots as error:
            raise typer.BadParameter(str(error), param_hint="--service") from None
        _tell("discarded", number, as_json=as_json)


def _tell(done: str, number: int, *, as_json: bool) -> None:
    from bmt.cli.shown import counted, show  # noqa: PLC0415 - the command starts fast

    show({done: number}, [f"{counted(number, 'event')} {done}"], as_json=as_json)


async def _with_lots(
    data: Path, service: str | None, act: Callable[["Lots"], Awaitable[Any]]
) -> Any:
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client, silenced  # noqa: PLC0415
    from bmt.cli.parking_lots import Lots  # noqa: PLC0415
    from bmt.contracts.topics import WRITERS  # noqa: PLC0415

    address = addresses.mongodb(data)
    services: Sequence[str] = [service] if service else list(WRITERS.values())
    async with mongodb_client(address) as client:
        with silenced():
            return await act(Lots.of(client, address.prefix, services))
