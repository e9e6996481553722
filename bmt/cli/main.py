"""The bmt command. Each subcommand is a module of this package, which imports heavy modules when it runs.

The commands of the evaluation and `bmt prove` are entry points (`bmt.commands` in pyproject.toml), found if
installed.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import typer

from bmt.cli.backup import backup, restore
from bmt.cli.conformance import conformance
from bmt.cli.dead_letters import app as dead_letters
from bmt.cli.doctor import doctor
from bmt.cli.failures import app as failures
from bmt.cli.migrate import migrate
from bmt.cli.outcome import CannotRun, Exit, reported
from bmt.cli.parked import app as parked
from bmt.cli.prune import prune
from bmt.cli.records import app as records
from bmt.cli.republish import republish
from bmt.cli.status import status
from bmt.cli.topics import topics
from bmt.cli.trace import trace
from bmt.cli.views import app as views
from bmt.cli.witness import witness

BESIDE: Final = ("setup", "demo", "up", "sandbox", "down", "token", "prove")
"""The commands found by entry point, in the order of the help."""

app = typer.Typer(
    name="bmt",
    help="Big Mail Transfer: run it to evaluate it, and operate it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class NotInstalled(CannotRun):
    """A command whose parts are not installed."""

    exit_code = Exit.WRONG_USE


def _add_from_beside(name: str, found: EntryPoint | None) -> None:
    missing = "run bmt from a clone of the repository"
    try:
        if found is not None:
            app.command(name)(found.load())
            return
    except ImportError as error:
        missing = error.msg
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(name, hidden=True, context_settings=anything)(_not_installed(missing))


def _not_installed(missing: str) -> Callable[[], None]:
    def refuse() -> None:
        with reported():
            said = "this is for an evaluation, whose parts are not installed here"
            raise NotInstalled(f"{said}: {missing}")

    return refuse


_installed = {point.name: point for point in entry_points(group="bmt.commands")}
for _name in BESIDE:
    _add_from_beside(_name, _installed.get(_name))
app.command()(topics)
app.command()(status)
app.command()(trace)
app.command()(doctor)
app.command()(conformance)
app.command()(republish)
app.command()(backup)
app.command()(restore)
app.command()(migrate)
app.command()(prune)
app.command()(witness)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(failures, name="failures")
app.add_typer(parked, name="parked")
app.add_typer(records, name="records")
app.add_typer(views, name="views")


if __name__ == "__main__":
    app()
