"""A whole system for the time of a demonstration, on free ports and in a folder of its own."""

import json
import mailbox
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from evaluation import tether
from evaluation.errors import Unready
from evaluation.ports import free_base
from evaluation.ready_file import Document

READY_WITHIN_SECONDS: Final = 180
STOPPED_WITHIN_SECONDS: Final = 60


@contextmanager
def running() -> Iterator[Document]:
    """What the ready file says of a new system; it is stopped and forgotten afterwards.

    Raises:
        Unready: it did not start; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="bmt-demo-") as folder:
        file = Path(folder) / "ready.json"
        process = subprocess.Popen(  # noqa: S603 - ourselves
            _command(Path(folder) / "data", file),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _ready(process, file)
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_SECONDS)


def _command(data: Path, file: Path) -> list[str]:
    up = [sys.executable, "-m", "bmt.cli.main", "up", "--quiet"]
    options = ["--data", str(data), "--ready-file", str(file), "--port-base", str(free_base())]
    return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *up, *options]


def _ready(process: "subprocess.Popen[str]", file: Path) -> Document:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not file.exists():
        if process.poll() is not None:
            said = process.stderr.read().strip() if process.stderr else ""
            raise Unready(said.removeprefix("bmt: ") or "the system ended before it was ready")
        if time.monotonic() > deadline:
            raise Unready(f"the system was not ready within {READY_WITHIN_SECONDS} s")
        time.sleep(0.1)
    document: Document = json.loads(file.read_text())
    return document


# What anybody can see without asking the five services: mail, IPMS and storage themselves.


EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
_QUOTA: Final = (
    '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    "<quota-used-bytes/></prop></propfind>"
)
_HERE: Final = {"Depth": "0"}


async def look(client: httpx.AsyncClient, ready: Document, accounts: set[str]) -> list[str]:
    """A line for each thing seen; the storage is looked at for `accounts`."""
    return [_mail(ready), *await _ipms(client, ready), *await _storage(client, ready, accounts)]


def _mail(ready: Document) -> str:
    sent = list(mailbox.Maildir(ready["mail"]["maildir"], create=False))
    ids = {message["Message-ID"] for message in sent}
    return f"mail: {len(sent)} messages arrived, {len(ids)} different"


async def _ipms(client: httpx.AsyncClient, ready: Document) -> list[str]:
    token = {"Authorization": f"Bearer {ready['ipms']['token']}"}
    answer = await client.get(f"{ready['ipms']['url']}/Users", headers=token)
    return [
        f"IPMS: BMT is {'on' if user[EXTENSION].get('bmtEnabled') else 'off'} for {user['userName']}"
        for user in answer.raise_for_status().json()["Resources"]
        if EXTENSION in user
    ]


async def _storage(client: httpx.AsyncClient, ready: Document, accounts: set[str]) -> list[str]:
    storage = ready["storage"]
    lines = []
    for account in sorted(accounts):
        url = f"{storage['url']}/{account}/"
        owner = await client.get(f"{url}?ls", auth=(account, storage["owners"][account]))
        admin = (storage["user"], storage["password"])
        granted = await client.request("PROPFIND", url, auth=admin, content=_QUOTA, headers=_HERE)
        state = "closed to its owner" if owner.is_error else f"open, {_gigabytes(granted.text)}"
        lines.append(f"storage: {account} is {state}")
    return lines


def _gigabytes(multistatus: str) -> str:
    """The quota that is in force: what is used and what is left of it."""
    parts = re.findall(r"quota-(?:used|available)-bytes>(\d+)<", multistatus)
    return f"{sum(map(int, parts)) / 10**9:g} GB"
