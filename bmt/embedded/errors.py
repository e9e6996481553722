"""What can keep the embedded parts from running, each with the exit code of the contract."""

from typing import ClassVar


class CannotRun(Exception):  # noqa: N818  named for what is so
    """Something stands in the way; the message is one line that says what to do about it."""

    exit_code: ClassVar[int] = 3


class WrongConfiguration(CannotRun):
    """What the caller asked for cannot be: a wrong option, variable or file."""

    exit_code = 2


class PartMissing(CannotRun):
    """A part cannot be had or run on this machine."""


class NotRunning(CannotRun):
    """The system that was asked for is not up."""


class Unready(CannotRun):
    """A process ended, or took too long, before it was ready."""
