"""Why a part does not run."""

from bmt.cli.outcome import CannotRun


class PartMissing(CannotRun):
    """A part is not available or does not run on this machine."""


class Unready(CannotRun):
    """A process ended, or took too long, before it was ready."""
