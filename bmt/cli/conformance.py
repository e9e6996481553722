"""`bmt conformance`: listens to one integrator, says what is wrong with each of its events, and gives a verdict."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, NotSo, Since, reported

CASES: Final[Mapping[str, str]] = {
    "application": "an application that is accepted",
    "termination": "a termination that is accepted",
    "redelivery": "an event that comes again, with the same source, id and data",
    "filed": "a request that is configured, notified and filed",
    "rejected": "a request that is rejected",
    "returned": "a request that is returned for correction",
    "withdrawn": "a request that is withdrawn",
}
"""What a producer must have shown, each by its own events and bmt's answers."""


def _known(cases: list[str] | None) -> list[str]:
    for case in cases or ():
        if case not in CASES:
            raise typer.BadParameter(f"{case} is none of {', '.join(CASES)}")
    return cases or list(CASES)


def conformance(
    integrator: Annotated[str, typer.Argument(help="Its name, for example hrmis.")],
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            callback=_known,
            help=f"To be shown; default: all, {', '.join(CASES)}. Several may be given.",
        ),
    ] = None,
    wait: Annotated[
        int, typer.Option(min=1, max=86_400, metavar="SECONDS", help="For all cases to be shown.")
    ] = 600,
    since: Since = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Listen to an integrator's events and bmt's answers: each fault is told at once, the verdict at the end.

    It ends when each case was shown, after `--wait`, or by Ctrl-C. Exit code 0: all were shown, and nothing was
    wrong. It reads as a user who may read the integrator's topics, and writes nothing.
    """
    with reported():
        from bmt.cli import addresses, submission_check  # noqa: PLC0415 - the command starts fast
        from bmt.cli.command_line import show  # noqa: PLC0415

        tell = _silent if as_json else typer.echo
        address = addresses.kafka(data)
        check = submission_check.Check(address.prefix, integrator, case or list(CASES))
        try:
            asyncio.run(submission_check.listen(address, check, since, wait, tell))
        except KeyboardInterrupt:
            tell("")
        show(check.document(), list(check.verdict()), as_json=as_json)
        if not check.conforms:
            raise NotSo(f"{integrator} does not conform yet")


def _silent(_: str) -> None:
    """JSON is printed at the end, whole."""
