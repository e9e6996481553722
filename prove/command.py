"""`bmt prove`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmt.cli.command_line import AsJson, Exit

if TYPE_CHECKING:
    from rich.console import Console

    from prove.driver import Progress, Watch
    from prove.trial import Outcome, Plan


def prove(
    requests: Annotated[int, typer.Option(min=1, metavar="N", help="Requests handed in.")] = 200,
    faults: Annotated[int, typer.Option(min=0, metavar="M", help="Faults meanwhile.")] = 8,
    seed: Annotated[int, typer.Option(metavar="S", help="Which requests and which faults.")] = 1,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder, which is kept.")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(min=0.1, metavar="N", help="Stop handing in and striking after so long."),
    ] = 40.0,
    replicas: Annotated[
        int, typer.Option(metavar="N", help="Processes of each service, 1 to 3.")
    ] = 1,
    nodes: Annotated[int, typer.Option(metavar="N", help="Of Kafka and of MongoDB, 1 or 3.")] = 1,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Kill, freeze and cut off parts of a busy system; then check that nothing is lost or doubled.

    Exit code 1: an invariant is violated, or something did not come to its end.
    """
    from rich.console import Console  # noqa: PLC0415 - the command starts fast

    from evaluation.ports import Scale  # noqa: PLC0415
    from prove.trial import Plan, document, folder  # noqa: PLC0415

    console = Console(stderr=as_json, quiet=as_json)
    with folder(data) as proof_folder:
        scale = Scale(replicas, nodes)
        plan = Plan(requests, faults, seed, proof_folder.layout, minutes, scale=scale)
        outcome = _run(plan, console)
        proof_folder.needed = not outcome.sound
        if as_json:
            typer.echo(json.dumps(document(plan, outcome), indent=2))
        else:
            _show(plan, outcome, console)
    raise typer.Exit(Exit.DONE if outcome.sound else Exit.NOT_SO)


def _run(plan: "Plan", console: "Console") -> "Outcome":
    import asyncio  # noqa: PLC0415 - the command starts fast

    from bmt.chassis.runtime.observability import set_up_logs  # noqa: PLC0415
    from bmt.cli.command_line import NotRunning  # noqa: PLC0415
    from evaluation import machine  # noqa: PLC0415
    from prove import trial  # noqa: PLC0415
    from prove.evidence import Unreachable  # noqa: PLC0415

    machine.refuse_unfit()
    machine.classpath()
    # never closed: libraries log until the exit
    log = (plan.layout.logs / "prove.log").open("a", buffering=1)
    set_up_logs("prove", stream=log)
    with _watching(console) as watch:
        try:
            return asyncio.run(trial.run(plan, watch))
        except Unreachable as error:
            raise NotRunning(str(error)) from None


@contextmanager
def _watching(console: "Console") -> "Iterator[Watch]":
    """Shows bars for stories and faults while the block lasts."""
    from rich.progress import (  # noqa: PLC0415 - the command starts fast
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[phase]}"),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        stories = bars.add_task("stories", total=None, phase="starting")
        faults = bars.add_task("faults", total=None, phase="")

        def watch(now: "Progress") -> None:
            bars.update(stories, total=now.stories, completed=now.ended, phase=now.phase)
            bars.update(faults, total=now.faults, completed=now.struck)

        yield watch


def _show(plan: "Plan", outcome: "Outcome", console: "Console") -> None:
    progress = outcome.progress
    outcome.report.show(console)
    for name, surprise in progress.surprises.items():
        console.print(f"{name}: {surprise}", markup=False)
    if progress.unended:
        console.print(f"not at their end: {', '.join(progress.unended)}", markup=False)
    for kind, count in outcome.left.items():
        console.print(f"left: {kind} {count}", markup=False)
    spent = ", ".join(f"{name} {seconds:g} s" for name, seconds in outcome.seconds.items())
    console.print(f"seed {plan.seed}: {progress.ended} stories, {progress.struck} faults; {spent}")
    if not outcome.sound:
        console.print(f"everything is kept in {plan.layout.root}", markup=False)
