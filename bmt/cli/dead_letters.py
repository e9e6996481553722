"""`bmt dead-letters`: list, show, retry and discard refused events.

A list shows nothing of the events' content, which may be personal; `show` does.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bmt.chassis.messaging.dead_letters import Action, Actions, DeadLetterBox, Letter, RefusedEvent
from bmt.chassis.messaging.parking import PARKED, Order, ParkingLot
from bmt.chassis.runtime.clock import now
from bmt.cli import connections
from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    By,
    Data,
    Limit,
    Reason,
    counted,
    harmless,
    moment,
    one_line,
    show,
)
from bmt.cli.connections import mongodb_client, silenced
from bmt.contracts.topics import DEAD_LETTERS, WRITERS

OF_A_LETTER: Final = ("place", "at", "refused_by", "reason", "detail")
OF_AN_ACTION: Final = ("action", "by", "at", "reason")

app = typer.Typer(help="What was refused for good.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` names it.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="As `list` names them.")]
All = Annotated[bool, typer.Option("--all", help="Also those that were retried or discarded.")]


@app.command("list")
def list_(
    everything: All = False,
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what was refused and waits for an operator, the latest first."""
    found = _with_box(data, lambda box: box.everything())
    wanted = [each for each in found if everything or each.state == "open"]
    shown, total = wanted[:limit], len(wanted)
    noun = "dead letter" if everything else "open dead letter"
    show(document(shown, total), lines(shown, total, noun), as_json=as_json)


@app.command("show")
def show_(
    id_: Id,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show one whole: why it was refused, headers and value. It may hold personal data."""
    (found,) = _with_box(data, lambda box: box.some([id_]))
    show(whole(found), whole_lines(found), as_json=as_json)


@app.command()
def retry(
    ids: Ids,
    by: By,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let the services that refused these events handle them again, once the cause is repaired."""
    _with_box(data, lambda box: box.retry(ids, _order(by)))
    _show_done("retried", len(set(ids)), as_json=as_json)


@app.command()
def discard(
    ids: Ids,
    reason: Reason,
    by: By,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Mark letters as needing nothing more. Kafka keeps them; who, when and why is kept too."""
    _with_box(data, lambda box: box.discard(ids, _order(by, reason)))
    _show_done("discarded", len(set(ids)), as_json=as_json)


def _show_done(done: str, number: int, *, as_json: bool) -> None:
    show({done: number}, [f"{counted(number, 'dead letter')} {done}"], as_json=as_json)


def _order(by: str, reason: str | None = None) -> Order:
    return Order(by, now(), reason)


def _with_box(data: Path, act: Callable[[DeadLetterBox], Awaitable[Any]]) -> Any:
    return asyncio.run(_acted(data, act))


async def _acted(data: Path, act: Callable[[DeadLetterBox], Awaitable[Any]]) -> Any:
    kafka, mongodb = connections.kafka(data), connections.mongodb(data)
    async with mongodb_client(mongodb) as client:
        lots = {
            name: ParkingLot(client[mongodb.prefix + name][PARKED]) for name in WRITERS.values()
        }
        actions = Actions(client, mongodb.prefix)
        box = DeadLetterBox(kafka.options, kafka.prefix + DEAD_LETTERS, actions, lots)
        with silenced():
            async with aclosing(box):
                return await act(box)


def document(found: Sequence[RefusedEvent], total: int) -> Mapping[str, Any]:
    """JSON: the first of `total` letters."""
    return {"items": [_item(each) for each in found], "total": total}


def _item(each: RefusedEvent) -> Mapping[str, Any]:
    return {
        "id": each.id,
        "state": each.state,
        "type": each.first.type,
        "request_id": each.request_id,
        "refused_by": each.refused_by,
        "at": each.at,
        "reason": each.first.reason,
        "detail": each.first.detail,
        "letters": [_some(one, OF_A_LETTER) for one in each.letters],
        "actions": [_some(one, OF_AN_ACTION) for one in each.actions],
    }


def _some(source: Letter | Action, names: Sequence[str]) -> Mapping[str, Any]:
    return {name: getattr(source, name) for name in names}


def whole(each: RefusedEvent) -> Mapping[str, Any]:
    """JSON: one letter with its event; what is not UTF-8 is in base64."""
    event = each.first
    return {
        **_item(each),
        "left_at_origin": event.left_at_origin,
        "key": _bytes(event.key),
        "headers": [{"name": name, **_bytes(raw)} for name, raw in event.headers],
        "value": _bytes(event.value),
    }


def _bytes(raw: bytes | None) -> dict[str, str | None]:
    try:
        return {"text": None if raw is None else raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw or b"").decode()}


def lines(found: Sequence[RefusedEvent], total: int, noun: str) -> list[str]:
    """Text: the first of `total` letters, which `noun` names."""
    listed = [line for each in found for line in [*_head(each), ""]]
    shown = f" (the latest {len(found)} shown)" if len(found) < total else ""
    return [*listed, f"{counted(total, noun)}{shown}"]


def whole_lines(each: RefusedEvent) -> list[str]:
    """Text: one letter with its event."""
    event = each.first
    if event.left_at_origin and not event.value:
        return [*_head(each), "not kept here: see its origin"]
    if event.left_at_origin:
        return [*_head(each), "cannot be decoded; its bytes as they came:", _text(event.value)]
    return [
        *_head(each),
        f"key: {_text(event.key)}",
        *(f"{one_line(name)}: {one_line(_text(raw))}" for name, raw in event.headers),
        "",
        _text(event.value),
    ]


def _head(each: RefusedEvent) -> Iterable[str]:
    yield f"{one_line(each.id)}  {each.state}"
    yield f"    {one_line(each.first.type or 'of unknown type')}"
    for letter in each.letters:
        why = one_line(f"{letter.reason}: {letter.detail}")
        yield f"    refused by {one_line(letter.refused_by)} at {moment(letter.at)}: {why}"
    for action in each.actions:
        why = f": {one_line(action.reason)}" if action.reason else ""
        yield f"    {action.action} by {one_line(action.by)} at {moment(action.at)}{why}"


def _text(raw: bytes | None) -> str:
    if raw is None:
        return "(none)"
    try:
        return harmless(raw.decode())
    except UnicodeDecodeError:
        return f"(base64) {base64.b64encode(raw).decode()}"
