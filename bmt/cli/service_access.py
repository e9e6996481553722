"""Where a service is and how a command gets in: what the environment says, else the data directory's system."""

import json
import os
from pathlib import Path
from typing import Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.contracts.values import Role
from bmt.embedded.errors import NotRunning
from bmt.embedded.layout import Layout

TOKEN: Final = "BMT_TOKEN"  # noqa: S105  the variable's name


def access(service: str, role: Role, data: Path) -> tuple[str, str]:
    """The service's address, and a token; in the data directory's system one with this role.

    Raises:
        WrongConfiguration: only one of the variables is set.
        NotRunning: none is, and no system runs on `data`.
    """
    variable = f"BMT_{service.upper()}_URL"
    url, token = os.environ.get(variable), os.environ.get(TOKEN)
    if url and token:
        return url.rstrip("/"), token
    if url or token:
        raise WrongConfiguration(f"{variable} and {TOKEN} go together: one of them is missing")
    layout = Layout.at(data)
    if not layout.ready_file.exists():
        raise NotRunning(f"no system runs in {layout.root}: `bmt up` starts one")
    from bmt.embedded.holders import holder  # noqa: PLC0415 - no image has the evaluation's parts
    from bmt.embedded.issuer import Issuer  # noqa: PLC0415
    from bmt.embedded.ports import Ports  # noqa: PLC0415

    ready = json.loads(layout.ready_file.read_text())
    ports = Ports(int(layout.base_file.read_text()))
    minter = Issuer(layout.root / "issuer" / "key.json", ports["issuer"]).mint()
    return ready["services"][service]["url"], minter.token(holder([role], "", None))


def refusal(service: str, answer: httpx.Response) -> str:
    """What the service said, in one line."""
    try:
        problem = json.loads(answer.read())
    except ValueError:
        return f"{service} answered {answer.status_code}"
    return f"{problem.get('type', '').rpartition(':')[2]}: {problem.get('detail', '')}"
