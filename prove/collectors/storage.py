"""The transfer storage's answers: a volume's quota by WebDAV (RFC 4331), its owner's access."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

import httpx

from prove.evidence import Endpoints, Unreachable, Volume

CONCURRENCY: Final = 16
MULTI_STATUS: Final = 207
_ASK: Final = (
    '<?xml version="1.0"?><propfind xmlns="DAV:"><prop>'
    "<quota-available-bytes/><quota-used-bytes/></prop></propfind>"
)
_QUOTA: Final = re.compile(r"<(?:\w+:)?quota-(?:available|used)-bytes[^<>]*>(\d+)<")


async def gather(where: Endpoints, accounts: Iterable[str]) -> tuple[Volume, ...]:
    """What it says of each account, whether or not it ever had a volume.

    Raises:
        Unreachable: it does not answer.
    """
    storage = where.ready["storage"]
    slots = asyncio.Semaphore(CONCURRENCY)
    names = {account.casefold(): account for account in sorted(accounts)}
    async with httpx.AsyncClient(
        auth=(storage["user"], storage["password"]), timeout=60.0, trust_env=False
    ) as client:

        async def one(account: str) -> Volume:
            async with slots:
                return await _volume(client, storage, account)

        return tuple(await asyncio.gather(*map(one, names.values())))


async def _volume(client: httpx.AsyncClient, storage: Any, account: str) -> Volume:
    """Open if its owner is let in; the quota is the used and the free bytes together."""
    url = f"{storage['url']}/{quote(account)}/"
    password = (storage.get("owners") or {}).get(account)
    try:
        told = await client.request("PROPFIND", url, content=_ASK, headers={"Depth": "0"})
        let_in = password is not None and (
            await client.get(url, auth=(account, password), params={"ls": ""})
        )
    except httpx.HTTPError as error:
        raise Unreachable("storage", type(error).__name__) from error
    sizes = [int(size) for size in _QUOTA.findall(told.text)]
    granted = sum(sizes) if told.status_code == MULTI_STATUS and sizes else None
    is_open = bool(let_in) and let_in.is_success if let_in else False
    return Volume(account, is_open and granted is not None, granted)
