"""Fetches a file from records over HTTP: whole, or not at all."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.outcome import NotSo
from bmt.cli.service_access import access, refusal
from bmt.embedded.errors import NotRunning

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
    url, token = access("records", "auditor", data)
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
                raise NotSo(refusal("records", answer))
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
