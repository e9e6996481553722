"""`bmt up`: the whole system on this machine, in the foreground or in the background."""

from pathlib import Path
from typing import Annotated

import typer

from bmt.cli.options import DEFAULT_DATA, Data
from bmt.cli.outcome import reported

DEFAULT_BASE = 8100


def up(
    data: Data = DEFAULT_DATA,
    port_base: Annotated[
        int, typer.Option(metavar="N", help="First port; all others follow from it.")
    ] = DEFAULT_BASE,
    ready_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Written with all addresses once everything is ready."),
    ] = None,
    detach: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--detach", help="Return when ready; `bmt down` stops it.")
    ] = False,
    parts_only: Annotated[bool, typer.Option(hidden=True)] = False,  # noqa: FBT002 - as above
    quiet: Annotated[bool, typer.Option(hidden=True)] = False,  # noqa: FBT002 - as above
) -> None:
    """Start Kafka, MongoDB, the evaluation parts, the five services and the pages; restart what dies."""
    with reported():
        from evaluation.commands import running  # noqa: PLC0415 - the command starts fast
        from evaluation.layout import Layout  # noqa: PLC0415
        from evaluation.ports import Ports  # noqa: PLC0415

        layout, ports = Layout.at(data), Ports(port_base)
        files = [ready_file.absolute()] if ready_file else []
        run = running.run_detached if detach else running.run_attached
        run(layout, ports, files, parts_only=parts_only, quiet=quiet)
