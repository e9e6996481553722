"""`bmt prove`: a system of its own under load and faults, and the audit of what is left of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmt.cli.options import AsJson
from bmt.cli.outcome import Exit, reported

if TYPE_CHECKING:
    from rich.console import Console

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
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Kill, freeze and cut off parts of a busy system; then check that nothing is lost or doubled.

    Exit code 1: an invariant is violated, or something did not come to its end.
    """
    with reported():
        from rich.console import Console  # noqa: PLC0415 - the command starts fast

        from prove.folder import folder  # noqa: PLC0415
        from prove.trial import Plan, document  # noqa: PLC0415

        console = Console(stderr=as_json, quiet=as_json)
        with folder(data) as kept:
            plan = Plan(requests, faults, seed, kept.layout, minutes)
            outcome = _run(plan, console)
            kept.needed = not outcome.sound
            if as_json:
                typer.echo(json.dumps(document(plan, outcome), indent=2))
            else:
                _show(plan, outcome, console)
    raise typer.Exit(Exit.DONE if outcome.sound else Exit.NOT_SO)


def _run(plan: "Plan", console: "Console") -> "Outcome":
    import asyncio  # noqa: PLC0415 - the command starts fast

    from bmt.chassis.runtime.logs import set_up_logs  # noqa: PLC0415
    from bmt.cli.outcome import NotRunning  # noqa: PLC0415
    from evaluation import machine  # noqa: PLC0415
    from prove import trial  # noqa: PLC0415
    from prove.collectors.unreachable import Unreachable  # noqa: PLC0415
    from prove.progress_shown import watching  # noqa: PLC0415

    machine.refuse_unfit()
    machine.classpath()
    # never closed: libraries log to the very end
    log = (plan.layout.logs / "prove.log").open("a", buffering=1)
    set_up_logs("prove", stream=log)
    with watching(console) as watch:
        try:
            return asyncio.run(trial.run(plan, watch))
        except Unreachable as error:
            raise NotRunning(str(error)) from None


def _show(plan: "Plan", outcome: "Outcome", console: "Console") -> None:
    progress = outcome.progress
    outcome.report.show(console)
    for name, what in progress.surprises.items():
        console.print(f"{name}: {what}", markup=False)
    if progress.unended:
        console.print(f"not at their end: {', '.join(progress.unended)}", markup=False)
    for what, count in outcome.left.items():
        console.print(f"left: {what} {count}", markup=False)
    spent = ", ".join(f"{name} {seconds:g} s" for name, seconds in outcome.seconds.items())
    console.print(f"seed {plan.seed}: {progress.ended} stories, {progress.struck} faults; {spent}")
    if not outcome.sound:
        console.print(f"everything is kept in {plan.layout.root}", markup=False)
