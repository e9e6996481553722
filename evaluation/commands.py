"""The commands that run the system on this machine: setup, up, sandbox, down, demo, token."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Annotated, get_args

import typer

from bmt.cli.command_line import DEFAULT_DATA, Data

DEFAULT_BASE = 8100


def up(  # noqa: PLR0917 - options
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
    replicas: Annotated[
        int, typer.Option(metavar="N", help="Processes of each service and of the pages, 1 to 3.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(metavar="N", help="Of Kafka and of MongoDB, 1 or 3; for new data.")
    ] = 1,
    parts_only: Annotated[bool, typer.Option(hidden=True)] = False,  # noqa: FBT002 - as above
    quiet: Annotated[bool, typer.Option(hidden=True)] = False,  # noqa: FBT002 - as above
    rules: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start Kafka, MongoDB, the evaluation parts, the five services and the pages; restart what dies."""
    from evaluation import running  # noqa: PLC0415 - the command starts fast
    from evaluation.layout import Layout  # noqa: PLC0415
    from evaluation.ports import Ports, Scale  # noqa: PLC0415

    layout, ports, scale = Layout.at(data), Ports(port_base), Scale(replicas, nodes)
    files = [ready_file.absolute()] if ready_file else []
    running.run(
        layout,
        ports,
        files,
        scale=scale,
        parts_only=parts_only,
        quiet=quiet,
        detach=detach,
        rules=rules,
    )


def sandbox(
    data: Data = DEFAULT_DATA,
    port_base: Annotated[
        int, typer.Option(metavar="N", help="First port; all others follow from it.")
    ] = DEFAULT_BASE,
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML: the first word of a justification, and what is decided then; "
            "default: examples/integrator/rules.yaml",
        ),
    ] = None,
    detach: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--detach", help="Return when ready; `bmt down` stops it.")
    ] = False,
) -> None:
    """Start the same system for an integrator's tests: an administrator decides its submissions by rules."""
    from evaluation import running, sandbox  # noqa: PLC0415 - the command starts fast
    from evaluation.layout import Layout  # noqa: PLC0415
    from evaluation.ports import ONE_OF_EACH, Ports  # noqa: PLC0415

    file = (rules or sandbox.DEFAULT_RULES).absolute()
    sandbox.read_rules(file)
    running.run(
        Layout.at(data),
        Ports(port_base),
        [],
        scale=ONE_OF_EACH,
        parts_only=False,
        quiet=False,
        detach=detach,
        rules=file,
    )


PATIENCE_SECONDS = 90
SECONDS_BETWEEN_LOOKS = 0.1


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop everything that runs on a data directory; the data stays."""
    from evaluation.layout import Layout, holder  # noqa: PLC0415 - the command starts fast

    layout = Layout.at(data)
    supervisor = holder(layout.lock_file)
    if supervisor is None:
        typer.echo(f"Nothing runs on {layout.root}")
        return
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _lives(supervisor):
        if time.monotonic() > deadline:
            os.kill(supervisor, signal.SIGKILL)  # its children die with it
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
    typer.echo(f"Stopped; the data stays in {layout.root}")


def _lives(pid: int) -> bool:
    """Whether the process runs; an ended one that was not waited for has no executable."""
    return Path(f"/proc/{pid}/exe").exists()


def setup() -> None:
    """Fetch Apache Kafka, see that it, Java and mongod run on this machine, and make Kafka's next starts quick."""
    from evaluation import kafka, machine  # noqa: PLC0415 - the command starts fast

    machine.refuse_unfit()
    machine.classpath()
    asyncio.run(kafka.archive_classes())
    typer.echo(f"Ready: Java, mongod and Apache Kafka {machine.version()}")


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
            help="applicant, administrator, agency_manager, operator, auditor or integrator; several may be given.",
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
    from bmt.cli.command_line import NotRunning  # noqa: PLC0415
    from evaluation.issuer import Issuer, holder  # noqa: PLC0415 - the command starts fast
    from evaluation.layout import Layout  # noqa: PLC0415
    from evaluation.ports import Ports  # noqa: PLC0415

    layout = Layout.at(data)
    if not layout.exists:
        raise NotRunning(f"no system was ever started in {layout.root}: `bmt up` starts one")
    ports = Ports(int(layout.base_file.read_text()))
    minter = Issuer(layout.root / "issuer" / "key.json", ports["issuer"]).mint()
    person = holder(role, agency, subject)
    typer.echo(minter.token(person, expires_in=expires_in, audience=audience))


def demo() -> None:
    """Four applications and one termination through all four steps, on a system of their own."""
    from evaluation import demonstration  # noqa: PLC0415 - the command starts fast

    demonstration.run()
