"""`bmt doctor`: looks whether everything that bmt stands on is as it should be."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bmt.cli.options import AsJson
from bmt.cli.outcome import NotSo, reported

Given = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data directory; its files are looked at, too.",
        show_default=".bmt",
    ),
]


def doctor(data: Given = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Look at configuration, MongoDB, Kafka, services, files and clocks, and say what to do about each fault.

    It looks at everything at the same time, changes nothing, and shows no secret. Exit code 1 where something is
    wrong; warnings leave it at 0.
    """
    with reported():
        from bmt.cli import examination, probes  # noqa: PLC0415 - the command starts fast
        from bmt.cli.connections import silenced  # noqa: PLC0415
        from bmt.cli.shown import counted, show  # noqa: PLC0415

        patient = probes.patient_of(data)
        with silenced():
            looked = asyncio.run(probes.examined(patient))
        found = [
            examination.without_secrets(one, patient.secrets)
            for one in [*patient.findings, *looked]
        ]
        show(examination.document(found), examination.lines(found), as_json=as_json)
        if wrong := sum(one.state == "wrong" for one in found):
            raise NotSo(f"{counted(wrong, 'check')} found something wrong")
