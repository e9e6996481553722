"""Fetches a file from records over HTTP: whole, or not at all."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.outcome import NotRunning, NotSo
from bmt.cli.service_access import access, refusal
from bmt.contracts.reference import read

SECONDS: Final = 60.0


def id_of(typed: str, data: Path) -> str:
    """The id of the request whose reference was typed, where it is one; else what was typed.

    Raises:
        NotSo: records has none of this reference for this caller.
        NotRunning, WrongConfiguration: as `fetch`.
    """
    if (reference := read(typed)) is None:
        return typed
    url, token = access("records", "auditor", data)
    try:
        answer = httpx.get(
            f"{url}/v1/records",
            params={"q": reference},
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise NotRunning(f"records at {url} does not answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotSo(refusal("records", answer))
    found = [one for one in answer.json()["items"] if one["reference"] == reference]
    if len(found) != 1:
        raise NotSo(f"{len(found)} files have the reference {reference}: name the request's id")
    return str(found[0]["request_id"])


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
