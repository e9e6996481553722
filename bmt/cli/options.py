"""Options that several commands share."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer


def _who() -> str:
    """The user of the operating system; a container's may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _said(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("must not be blank")
    return text.strip()


Data = Annotated[Path, typer.Option("--data", help="Data directory.", metavar="DIR")]
DEFAULT_DATA = Path(".bmt")
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
