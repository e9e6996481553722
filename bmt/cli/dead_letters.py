"""`bmt dead-letters`: list, show, retry and discard refused events."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson, By, Data, Limit, Reason
from bmt.cli.outcome import reported

if TYPE_CHECKING:
    from bmt.cli.dead_letter_service import DeadLetterService

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
        from bmt.cli import dead_letter_service as listing  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        found = _with_service(data, lambda service: service.everything())
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
        from bmt.cli import dead_letter_service as listing  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        (found,) = _with_service(data, lambda service: service.some([id_]))
        show(listing.whole(found), listing.whole_lines(found), as_json=as_json)


@app.command()
def retry(
    ids: Ids,
    by: By,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Publish events again where they were said, with their keys, headers and values."""
    with reported():
        from bmt.chassis.runtime.clock import now  # noqa: PLC0415 - the command starts fast

        number = _with_service(data, lambda service: service.retry(ids, by, now()))
        _tell("retried", number, as_json=as_json)


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
        from bmt.chassis.runtime.clock import now  # noqa: PLC0415 - the command starts fast

        number = _with_service(data, lambda service: service.discard(ids, reason, by, now()))
        _tell("discarded", number, as_json=as_json)


def _tell(done: str, number: int, *, as_json: bool) -> None:
    from bmt.cli.shown import counted, show  # noqa: PLC0415 - the command starts fast

    show({done: number}, [f"{counted(number, 'dead letter')} {done}"], as_json=as_json)


def _with_service(data: Path, act: Callable[["DeadLetterService"], Awaitable[Any]]) -> Any:
    return asyncio.run(_acted(data, act))


async def _acted(data: Path, act: Callable[["DeadLetterService"], Awaitable[Any]]) -> Any:
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client  # noqa: PLC0415
    from bmt.cli.dead_letter_service import DeadLetterService  # noqa: PLC0415

    kafka, mongodb = addresses.kafka(data), addresses.mongodb(data)
    async with mongodb_client(mongodb) as client:
        return await act(DeadLetterService(kafka, client, mongodb.prefix))
