"""What can keep the embedded parts from running, each with the exit code of the contract."""

from bmt.cli.outcome import CannotRun


class PartMissing(CannotRun):
    """A part cannot be had or run on this machine."""


class Unready(CannotRun):
    """A process ended, or took too long, before it was ready."""
