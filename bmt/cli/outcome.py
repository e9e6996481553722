"""How a command fails: one line on stderr and an exit code.

0 done, 1 the thing asked for is not so, 2 wrong use or configuration, 3 a part is not reachable.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ClassVar

import typer


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
    """What was asked for is not so; the message says in one line what is."""


@contextmanager
def reported() -> Iterator[None]:
    """Turns exceptions into a line and an exit code."""
    from bmt.chassis.errors import (  # noqa: PLC0415 - the command starts fast
        Unavailable,
        WrongConfiguration,
    )
    from bmt.contracts.problems import Refused  # noqa: PLC0415 - the command starts fast

    try:
        yield
    except CannotRun as error:
        raise _ended(str(error), error.exit_code) from None
    except ImportError as error:
        said = "this is for an evaluation, whose parts are not installed here"
        raise _ended(f"{said}: {error.msg}", Exit.WRONG_USE) from None
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
