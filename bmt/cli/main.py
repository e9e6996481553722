"""The bmt command. The module of a command is imported when the command is run: bmt starts fast.

The commands of the evaluation and `bmt prove` are entry points (`bmt.commands` in pyproject.toml), found if
installed.
"""

import pkgutil
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from bmt.cli.command_line import CannotRun, Exit, reported

FROM_A_CLONE: Final = ("setup", "demo", "up", "sandbox", "down", "token", "prove")
"""The commands found by entry point, in the order of the help."""
OWN: Final = {
    "topics": ("topics:show_topics", "Each topic: its single writer, its events, its records."),
    "status": ("status:status", "What works and since when, and what was not recorded or waits."),
    "trace": ("trace:trace", "One request's whole way over all services, and what it waits for."),
    "doctor": ("doctor:doctor", "Look at all that bmt stands on, and say what to do about faults."),
    "conformance": ("conformance:conformance", "Say what is wrong with an integrator's events."),
    "republish": ("jobs:republish", "Publish again what was published once."),
    "backup": ("backup:backup", "Copy all that cannot be made again, while the services run."),
    "restore": ("backup:restore", "Put a backup back into an empty installation."),
    "migrate": ("migrate:migrate", "Bring databases, topics and rights to this version."),
    "prune": ("jobs:prune", "Remove the working copies of requests that were filed long ago."),
    "witness": ("witness:witness", "Hold the newest checkpoint against the last one seen."),
    "dead-letters": ("dead_letters:app", "What was refused for good."),
    "failures": ("failures:app", "Configurations that failed."),
    "parked": ("parked:app", "Events whose handling failed."),
    "records": ("records:app", "The auditable record."),
    "views": ("jobs:views", "Lists and pages that services make of their events."),
}
"""Each command with its place in this package, and its line of the help."""


class NotInstalled(CannotRun):
    """A command whose parts are not installed."""

    exit_code = Exit.WRONG_USE


class Commands(TyperGroup):
    """Imports a command's module when the command is run, not for the help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        installed = {point.name: point.value for point in entry_points(group="bmt.commands")}
        for command in FROM_A_CLONE:
            with suppress(ImportError):
                if command in installed:
                    self.add_command(_loaded(command, installed[command]))
        for command, (_, line) in OWN.items():
            self.add_command(TyperCommand(command, help=line))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name in OWN:
            return name, _loaded(name, f"bmt.cli.{OWN[name][0]}"), args[1:]
        if name in FROM_A_CLONE and name not in self.commands:
            reason = "this is for an evaluation, whose parts are not installed here"
            raise NotInstalled(f"{reason}: run bmt from a clone of the repository")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with reported():
            return super().invoke(ctx)


def _loaded(name: str, place: str) -> Any:
    found = pkgutil.resolve_name(place)
    if isinstance(found, typer.Typer):
        return get_group(found)
    app = typer.Typer()
    app.command(name)(found)
    return get_group(app).commands[name]


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def bmt() -> None:
    """Big Mail Transfer: run it to evaluate it, and operate it."""


if __name__ == "__main__":
    app()
