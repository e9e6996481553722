"""How a command ends: what stands in its way is one line on stderr and an exit code.

0 done, 1 the thing asked for is not so, 2 wrong use or configuration, 3 a part is not reachable.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer


class Exit(IntEnum):
    """The exit codes of the contract."""

    DONE = 0
    NOT_SO = 1
    WRONG_USE = 2
    NOT_REACHABLE = 3


@contextmanager
def reported() -> Iterator[None]:
    """Turn what the embedded parts and the configuration refuse into a line and a code."""
    from bmt.chassis.errors import WrongConfiguration  # noqa: PLC0415 - the command starts fast
    from bmt.embedded.errors import CannotRun  # noqa: PLC0415

    try:
        yield
    except CannotRun as error:
        raise _ended(str(error), error.exit_code) from None
    except WrongConfiguration as error:
        raise _ended(str(error), Exit.WRONG_USE) from None


def _ended(line: str, code: int) -> typer.Exit:
    sys.stderr.write(f"bmt: {line}\n")
    return typer.Exit(code)
