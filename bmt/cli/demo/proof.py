"""What anybody can see without asking the five services: mail, IPMS and storage themselves."""

import mailbox
import re
from typing import Final

import httpx

from bmt.embedded.ready_file import Document

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
