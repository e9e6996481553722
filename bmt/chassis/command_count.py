"""What a command is called, and what became of it, for `bmt_commands_total`."""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.event_store import Commit
from bmt.contracts.problems import Refused

CountCommand = Callable[[str, str], None]
"""Counts one command by its name and outcome."""

_WORD_BEGINS: Final = re.compile(r"(?<!^)(?=[A-Z])")


def uncounted(_: str, __: str) -> None:
    """Counts nothing."""


def command_name(command: object) -> str:
    """The command's class in snake_case: `OpenReview` is `open_review`."""
    return _snake_case(type(command).__name__)


@cache
def _snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


def outcome_of_commit(commit: Commit, *, replayed: bool) -> str:
    """`duplicate`, `applied`, or the name of the problem that was recorded."""
    if replayed:
        return "duplicate"
    return commit.refusal.problem if commit.refusal else "applied"


def outcome_of_error(error: Exception) -> str:
    """The name of the problem that the caller is answered with."""
    match error:
        case Refused():
            return error.problem
        case CausationReused():
            return "idempotency_key_reused"
        case Unavailable():
            return "unavailable"
        case _:
            return "internal"
