"""What anybody can see without asking the five services: mail, IPMS and storage themselves."""

import mailbox
from typing import Final

import httpx

from bmt.embedded.ready_file import Document

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
_QUOTA: Final = (
    '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    "<quota-used-bytes/></prop></propfind>"
)


async def look(client: httpx.AsyncClient, ready: Document) -> list[str]:
    """A line for each thing seen."""
    return [_mail(ready), *await _ipms(client, ready), *await _storage(client, ready)]


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


async def _storage(client: httpx.AsyncClient, ready: Document) -> list[str]:
    storage = ready["storage"]
    lines = []
    for account, password in storage["owners"].items():
        url = f"{storage['url']}/{account}/"
        admin = (storage["user"], storage["password"])
        answer = await client.request(
            "PROPFIND", url, auth=admin, content=_QUOTA, headers={"Depth": "0"}
        )
        if answer.status_code != httpx.codes.MULTI_STATUS:
            continue
        owner = await client.get(f"{url}?ls", auth=(account, password))
        lines.append(f"storage: {account} {'is closed' if owner.is_error else 'is open'}")
    return lines
