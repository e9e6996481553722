"""What all commands share: options, how they print, and how they fail.

Exit codes: 0 done, 1 the thing asked for is not so, 2 wrong use or configuration, 3 a part is not reachable. A command
that fails writes one line to stderr.
"""

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.contracts.problems import Refused


def _who() -> str:
    """The operating system's user, who may have no name in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _not_blank(text: str) -> str:
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
    from bmt.contracts.topics import WRITERS  # noqa: PLC0415 - the evaluation starts fast

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
    str, typer.Option("--reason", metavar="TEXT", callback=_not_blank, help="Why; it is kept.")
]
Wait = Annotated[
    int,
    typer.Option("--wait", min=0, max=86_400, metavar="SECONDS", help="For the services to do it."),
]


class Exit(IntEnum):
    """The documented exit codes."""

    DONE = 0
    NOT_SO = 1
    WRONG_USE = 2
    NOT_REACHABLE = 3


class CannotRun(Exception):  # noqa: N818 - named for what is so
    """The command cannot run; the message says in one line what to do."""

    exit_code: ClassVar[int] = Exit.NOT_REACHABLE


class NotRunning(CannotRun):
    """The system that was asked for is not up."""


class NotSo(Exception):  # noqa: N818 - named for what is so
    """The answer to the command is no; the message gives the reason in one line."""


@contextmanager
def reported() -> Iterator[None]:
    """Turns exceptions into a line and an exit code."""
    try:
        yield
    except CannotRun as error:
        raise _ended(str(error), error.exit_code) from None
    except ImportError as error:
        reason = "this is for an evaluation, whose parts are not installed here"
        raise _ended(f"{reason}: {error.msg}", Exit.WRONG_USE) from None
    except WrongConfiguration as error:
        raise _ended(str(error), Exit.WRONG_USE) from None
    except (NotSo, Refused) as error:
        raise _ended(str(error), Exit.NOT_SO) from None
    except Unavailable as error:
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
        raise _ended(f"{error.part} cannot be reached{cause}", Exit.NOT_REACHABLE) from None


def _ended(line: str, code: int) -> typer.Exit:
    sys.stderr.write(f"bmt: {line}\n")
    return typer.Exit(code)


_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def show(document: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print one of the two; in JSON times are in RFC 3339."""
    typer.echo(json.dumps(document, indent=2, default=_written) if as_json else "\n".join(lines))


def _written(value: object) -> str:
    from bmt.contracts.envelope import rfc3339  # noqa: PLC0415 - the evaluation starts fast

    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} cannot be written in JSON")


def harmless(text: str) -> str:
    """An outsider's text without characters that move the cursor or reverse the text."""
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """As `harmless`, without line breaks and tabs."""
    return " ".join(harmless(text).split())


def moment(at: datetime) -> str:
    """To the second, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
