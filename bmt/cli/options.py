"""Options that several commands share."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer


def _who() -> str:
    """The operating system's user, who may have no name in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _said(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("must not be blank")
    return text.strip()


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text} is no time such as 2026-11-28T09:00:00Z") from None
    if moment > datetime.now(UTC):
        raise typer.BadParameter(f"{text} is still to come: nothing was decided since then")
    return moment


def known_service(name: str | None) -> str | None:
    """Admits the name of a service."""
    from bmt.contracts.topics import WRITERS  # noqa: PLC0415 - the command starts fast

    if name is not None and name not in WRITERS.values():
        raise typer.BadParameter(f"{name} is none of {', '.join(WRITERS.values())}")
    return name


Data = Annotated[Path, typer.Option("--data", help="Data directory.", metavar="DIR")]
DEFAULT_DATA = Path(".bmt")
Since = Annotated[
    Any,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=_moment,
        help="What happened since then: RFC 3339, UTC where no offset is named.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show so many at most.")]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="NAME", help="Who does it.", default_factory=_who, show_default="you"
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", callback=_said, help="Why; it is kept.")
]
Wait = Annotated[
    int,
    typer.Option("--wait", min=0, max=86_400, metavar="SECONDS", help="For the services to do it."),
]
