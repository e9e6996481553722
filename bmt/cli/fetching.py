"""Fetches a file from records over HTTP: whole, or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.outcome import NotSo
from bmt.embedded.errors import NotRunning
from bmt.embedded.layout import Layout

URL: Final = "BMT_RECORDS_URL"
TOKEN: Final = "BMT_TOKEN"  # noqa: S105  the variable's name
SECONDS: Final = 60.0


def fetch(
    path: str, target: Path, data: Path, parameters: Mapping[str, str] = MappingProxyType({})
) -> int:
    """Write what records answers at `path` to `target`; its size in bytes.

    Raises:
        NotSo: records refuses: there is no such thing for this caller, or it is not there yet.
        NotRunning: records does not answer.
        WrongConfiguration: only one of the variables is set, or the target cannot be written.
    """
    url, token = _where(data)
    aside = target.with_name(f"{target.name}.part")
    try:
        with (
            httpx.Client(timeout=SECONDS, trust_env=False) as client,
            client.stream(
                "GET",
                f"{url}{path}",
                params=parameters,
                headers={"Authorization": f"Bearer {token}"},
            ) as answer,
        ):
            if not answer.is_success:
                raise NotSo(_refusal(answer))
            with aside.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        aside.replace(target)
    except httpx.HTTPError as error:
        aside.unlink(missing_ok=True)
        raise NotRunning(f"records at {url} does not answer ({type(error).__name__})") from None
    except OSError as error:
        raise WrongConfiguration(f"--out {target}: {error.strerror}") from None
    return target.stat().st_size


def _where(data: Path) -> tuple[str, str]:
    url, token = os.environ.get(URL), os.environ.get(TOKEN)
    if url and token:
        return url.rstrip("/"), token
    if url or token:
        raise WrongConfiguration(f"{URL} and {TOKEN} go together: one of them is missing")
    layout = Layout.at(data)
    if not layout.ready_file.exists():
        raise NotRunning(f"no system runs in {layout.root}: `bmt up` starts one")
    from bmt.embedded.holders import holder  # noqa: PLC0415 - no image has the evaluation's parts
    from bmt.embedded.issuer import Issuer  # noqa: PLC0415
    from bmt.embedded.ports import Ports  # noqa: PLC0415

    ready = json.loads(layout.ready_file.read_text())
    ports = Ports(int(layout.base_file.read_text()))
    minter = Issuer(layout.root / "issuer" / "key.json", ports["issuer"]).mint()
    return ready["services"]["records"]["url"], minter.token(holder(["auditor"], "", None))


def _refusal(answer: httpx.Response) -> str:
    """What records said, in one line."""
    try:
        problem = json.loads(answer.read())
    except ValueError:
        return f"records answered {answer.status_code}"
    return f"{problem.get('type', '').rpartition(':')[2]}: {problem.get('detail', '')}"
