"""`bmt token`: a bearer token of the evaluation's issuer."""

from typing import Annotated, get_args

import typer

from bmt.cli.options import DEFAULT_DATA, Data
from bmt.cli.outcome import reported

EIGHT_HOURS = 8 * 60 * 60


def _known(roles: list[str]) -> list[str]:
    from bmt.contracts.values import Role  # noqa: PLC0415 - the command starts fast

    for role in roles:
        if role not in get_args(Role):
            raise typer.BadParameter(f"{role} is none of {', '.join(get_args(Role))}")
    return roles


def token(
    role: Annotated[
        list[str],
        typer.Option(
            callback=_known,
            help="applicant, administrator, operator, auditor or integrator; several may be given.",
        ),
    ],
    agency: Annotated[str, typer.Option(metavar="CODE", help="For example MAMPU.")] = "",
    subject: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="`sub`: the account.")
    ] = None,
    expires_in: Annotated[int, typer.Option(metavar="SECONDS")] = EIGHT_HOURS,
    audience: Annotated[str, typer.Option()] = "bmt-api",
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a bearer token (evaluation only): the system need not be running."""
    with reported():
        from bmt.cli.outcome import NotRunning  # noqa: PLC0415
        from evaluation.holders import holder  # noqa: PLC0415 - the command starts fast
        from evaluation.issuer import Issuer  # noqa: PLC0415
        from evaluation.layout import Layout  # noqa: PLC0415
        from evaluation.ports import Ports  # noqa: PLC0415

        layout = Layout.at(data)
        if not layout.exists:
            raise NotRunning(f"no system was ever started in {layout.root}: `bmt up` starts one")
        ports = Ports(int(layout.base_file.read_text()))
        minter = Issuer(layout.root / "issuer" / "key.json", ports["issuer"]).mint()
        whom = holder(role, agency, subject)
        typer.echo(minter.token(whom, expires_in=expires_in, audience=audience))
