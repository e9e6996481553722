"""`bmt doctor`: checks everything that bmt depends on."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bmt.cli import examination, probes
from bmt.cli.command_line import AsJson, NotSo, counted, show
from bmt.cli.connections import silenced

Given = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data directory; its files are looked at, too.",
        show_default=".bmt",
    ),
]


def doctor(data: Given = None, as_json: AsJson = False) -> None:
    """Look at configuration, MongoDB, Kafka, services, files and clocks, and say what to do about each fault.

    It looks at everything at the same time, changes nothing, and shows no secret. Exit code 1 where something is
    wrong; warnings leave it at 0.
    """
    known = probes.known_system_of(data)
    with silenced():
        checked = asyncio.run(probes.examined(known))
    found = [examination.without_secrets(one, known.secrets) for one in [*known.findings, *checked]]
    show(examination.document(found), examination.lines(found), as_json=as_json)
    if wrong := sum(one.state == "wrong" for one in found):
        raise NotSo(f"{counted(wrong, 'check')} found something wrong")
