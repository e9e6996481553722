"""`bmt failures`: configurations that failed and need a person, and those that wait."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import uuid4

import typer

from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Exit,
    Limit,
    NotSo,
    Reason,
    counted,
    one_line,
    show,
)
from bmt.cli.connections import call
from bmt.contracts.values import read_reference

PAGE: Final = 200
MOST_LISTED: Final = 10_000
"""The most failures that are searched for a reference."""

app = typer.Typer(help="Configurations that failed.", no_args_is_help=True)

Agency = Annotated[
    str | None, typer.Option("--agency", metavar="CODE", help="Of this agency alone.")
]
Ids = Annotated[
    list[str],
    typer.Argument(
        metavar="REQUEST", help="As `list` names them: the id, or the reference as it is typed."
    ),
]


@app.command("list")
def list_(
    agency: Agency = None,
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what failed, the longest waiting first, and whether a retry can help.

    Where BMT_PROVISIONING_URL and BMT_TOKEN are set, from there; else from the system of the data directory.
    """
    items = _listed("/v1/failures", agency, limit, data)
    show({"items": items}, _lines(items), as_json=as_json)


@app.command()
def waiting(
    agency: Agency = None,
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what is approved and not configured yet, and what each waits for: a target, an officer, its turn.

    From where `list` asks.
    """
    items = _listed("/v1/configurations", agency, limit, data)
    lines = [
        f"{one['request_id']}  {one['reference']}  {one['agency']}\n"
        f"    {one['status']}, due {one['due_at']}; waits for: {one_line(one['waiting_for'])}"
        for one in items
    ]
    show({"items": items}, [*lines, f"{counted(len(items), 'request')} waiting"], as_json=as_json)


@app.command()
def retry(
    ids: Ids,
    reason: Reason,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Have configurations tried again, once their cause is mended; 1 when one is refused."""
    named = _named(ids, data)
    results = [{"request_id": one, "refused": _retried(one, reason, data)} for one in named]
    lines = [f"{one['request_id']}  {one['refused'] or 'is tried again'}" for one in results]
    show({"results": results}, lines, as_json=as_json)
    raise typer.Exit(Exit.NOT_SO if any(one["refused"] for one in results) else Exit.DONE)


def _listed(path: str, agency: str | None, limit: int, data: Path) -> Sequence[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = []
    cursor: str | None = None
    while len(items) < limit:
        params = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
        page = _call("GET", path, data, params=params)
        items += [one for one in page["items"] if agency in (None, one["agency"])]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return items[:limit]


def _named(typed: Sequence[str], data: Path) -> list[str]:
    """The request ids; the reference of a failed request becomes its id."""
    references = [read_reference(one) for one in typed]
    failed = _listed("/v1/failures", None, MOST_LISTED, data) if any(references) else []
    ids = {one["reference"]: str(one["request_id"]) for one in failed}
    return [ids.get(found or "", one) for one, found in zip(typed, references, strict=True)]


def _retried(request_id: str, reason: str, data: Path) -> str | None:
    """Why the retry was refused; None if it was accepted."""
    path = f"/v1/requests/{quote(request_id, safe='')}/retry"
    try:
        _call(
            "POST", path, data, json={"reason": reason}, headers={"Idempotency-Key": str(uuid4())}
        )
    except NotSo as refused:
        return str(refused)
    return None


def _call(method: str, path: str, data: Path, **options: Any) -> Any:
    return call(method, "provisioning", path, "operator", data, **options).json()


def _lines(items: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for one in items:
        can = "a retry may help" if one["retryable"] else "no retry helps: a new request is needed"
        target = one["target"] or "target unknown"
        times = counted(one["failures"], "failure")
        lines += [
            f"{one['request_id']}  {one['reference']}  {one['agency']}",
            f"    {target}: {one_line(one['reason'])}",
            f"    {times}, the last at {one['failed_at'] or 'an unknown time'}; {can}",
        ]
    return [*lines, f"{counted(len(items), 'configuration')} failed"]
