"""Where a service is and how a command gets in: what the environment says, else the data directory's system."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.data_folder import DataFolder
from bmt.contracts.values import Role

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
    url = DataFolder.at(data).ready()["services"][service]["url"]
    return url, _token_of_its_issuer(role, data)


def _token_of_its_issuer(role: Role, data: Path) -> str:
    """Asked for as anybody asks for it: no installation has the evaluation's issuer."""
    command = (sys.executable, "-m", "bmt.cli.main", "token", "--role", role, "--data", str(data))
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if answer.returncode:
        raise WrongConfiguration(answer.stderr.strip().removeprefix("bmt: "))
    return answer.stdout.strip()


def refusal(service: str, answer: httpx.Response) -> str:
    """What the service said, in one line."""
    try:
        problem = json.loads(answer.read())
    except ValueError:
        return f"{service} answered {answer.status_code}"
    return f"{problem.get('type', '').rpartition(':')[2]}: {problem.get('detail', '')}"
