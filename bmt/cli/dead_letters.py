"""`bmt dead-letters`: list, show, retry and discard refused events."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson, By, Data, Limit, Reason
from bmt.cli.outcome import reported

if TYPE_CHECKING:
    from bmt.chassis.messaging.dead_letters import DeadLetterBox
    from bmt.chassis.messaging.parking import Order

app = typer.Typer(help="What was refused for good.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` names it.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="As `list` names them.")]
All = Annotated[bool, typer.Option("--all", help="Also those that were retried or discarded.")]


@app.command("list")
def list_(
    everything: All = False,  # noqa: FBT002 - an option
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show what was refused and waits for an operator, the latest first."""
    with reported():
        from bmt.cli import letter_listing as listing  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        found = _with_box(data, lambda box: box.everything())
        wanted = [each for each in found if everything or each.state == "open"]
        shown, total = wanted[:limit], len(wanted)
        what = "dead letter" if everything else "open dead letter"
        show(
            listing.document(shown, total),
            listing.lines(shown, total, what),
            as_json=as_json,
        )


@app.command("show")
def show_(
    id_: Id,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show one whole: why it was refused, headers and value. It may hold personal data."""
    with reported():
        from bmt.cli import letter_listing as listing  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        (found,) = _with_box(data, lambda box: box.some([id_]))
        show(listing.whole(found), listing.whole_lines(found), as_json=as_json)


@app.command()
def retry(
    ids: Ids,
    by: By,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Let the services that refused these events handle them again, once the cause is repaired."""
    with reported():
        _with_box(data, lambda box: box.retry(ids, _order(by)))
        _tell("retried", len(set(ids)), as_json=as_json)


@app.command()
def discard(
    ids: Ids,
    reason: Reason,
    by: By,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Mark letters as needing nothing more. Kafka keeps them; who, when and why is kept too."""
    with reported():
        _with_box(data, lambda box: box.discard(ids, _order(by, reason)))
        _tell("discarded", len(set(ids)), as_json=as_json)


def _tell(done: str, number: int, *, as_json: bool) -> None:
    from bmt.cli.shown import counted, show  # noqa: PLC0415 - the command starts fast

    show({done: number}, [f"{counted(number, 'dead letter')} {done}"], as_json=as_json)


def _order(by: str, reason: str | None = None) -> "Order":
    from bmt.chassis.messaging.parking import Order  # noqa: PLC0415 - the command starts fast
    from bmt.chassis.runtime.clock import now  # noqa: PLC0415

    return Order(by, now(), reason)


def _with_box(data: Path, act: Callable[["DeadLetterBox"], Awaitable[Any]]) -> Any:
    return asyncio.run(_acted(data, act))


async def _acted(data: Path, act: Callable[["DeadLetterBox"], Awaitable[Any]]) -> Any:
    from bmt.chassis.messaging.dead_letters import Actions, DeadLetterBox  # noqa: PLC0415
    from bmt.chassis.messaging.parking import PARKED, ParkingLot  # noqa: PLC0415
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client, silenced  # noqa: PLC0415
    from bmt.contracts.topics import DEAD_LETTERS, WRITERS  # noqa: PLC0415

    kafka, mongodb = addresses.kafka(data), addresses.mongodb(data)
    async with mongodb_client(mongodb) as client:
        lots = {
            name: ParkingLot(client[mongodb.prefix + name][PARKED]) for name in WRITERS.values()
        }
        actions = Actions(client, mongodb.prefix)
        box = DeadLetterBox(kafka.options, kafka.prefix + DEAD_LETTERS, actions, lots)
        with silenced():
            async with aclosing(box):
                return await act(box)
