"""What IPMS (by SCIM, and its journal), the storage (by WebDAV, RFC 4331) and the mail server hold after a run."""

import asyncio
import email
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from email.policy import default
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from prove.evidence import Account, Change, Endpoints, Mail, Unreachable, Volume

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
PAGE: Final = 200


async def read_accounts(endpoints: Endpoints) -> tuple[Account, ...]:
    """Every user (RFC 7644, 3.4.2.4: pages begin at 1).

    Raises:
        Unreachable: IPMS does not answer.
    """
    ipms = endpoints.ready["ipms"]
    headers = {"Authorization": f"Bearer {ipms['token']}"}
    found: list[Account] = []
    async with httpx.AsyncClient(headers=headers, timeout=60.0, trust_env=False) as client:
        while True:
            page = await _page(client, ipms["url"], len(found) + 1)
            resources = page.get("Resources") or []
            found += [_account(each) for each in resources]
            if not resources or len(found) >= int(page.get("totalResults", 0)):
                return tuple(found)


async def _page(client: httpx.AsyncClient, url: str, first: int) -> Mapping[str, Any]:
    try:
        answer = await client.get(f"{url}/Users", params={"startIndex": first, "count": PAGE})
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unreachable("ipms", type(error).__name__) from error
    page: Mapping[str, Any] = answer.json()
    return page


def read_changes(endpoints: Endpoints) -> tuple[Change, ...]:
    """Each whole line about a user, in order; a line cut short was never answered."""
    if endpoints.ipms_journal is None or not endpoints.ipms_journal.exists():
        return ()
    lines = endpoints.ipms_journal.read_text().split("\n")[:-1]
    users = [(number, json.loads(line)) for number, line in enumerate(lines, start=1)]
    return tuple(_change(number, user) for number, user in users if "userName" in user)


def _account(user: Mapping[str, Any]) -> Account:
    enabled, largest = _service(user)
    return Account(str(user["userName"]), bool(user.get("active")), enabled, largest)


def _change(number: int, user: Mapping[str, Any]) -> Change:
    at = str((user.get("meta") or {}).get("lastModified", ""))
    return Change(number, str(user["userName"]), at, *_service(user))


def _service(user: Mapping[str, Any]) -> tuple[bool, int | None]:
    service = user.get(EXTENSION) or {}
    largest = service.get("maxFileSizeBytes")
    return bool(service.get("bmtEnabled")), int(largest) if largest else None


CONCURRENCY: Final = 16
MULTI_STATUS: Final = 207
_ASK: Final = (
    '<?xml version="1.0"?><propfind xmlns="DAV:"><prop>'
    "<quota-available-bytes/><quota-used-bytes/></prop></propfind>"
)
_QUOTA: Final = re.compile(r"<(?:\w+:)?quota-(?:available|used)-bytes[^<>]*>(\d+)<")


async def read_volumes(endpoints: Endpoints, accounts: Iterable[str]) -> tuple[Volume, ...]:
    """Each account's volume, whether or not it ever had a volume.

    Raises:
        Unreachable: it does not answer.
    """
    storage = endpoints.ready["storage"]
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
        answer = await client.request("PROPFIND", url, content=_ASK, headers={"Depth": "0"})
        let_in = password is not None and (
            await client.get(url, auth=(account, password), params={"ls": ""})
        )
    except httpx.HTTPError as error:
        raise Unreachable("storage", type(error).__name__) from error
    sizes = [int(size) for size in _QUOTA.findall(answer.text)]
    granted = sum(sizes) if answer.status_code == MULTI_STATUS and sizes else None
    is_open = bool(let_in) and let_in.is_success if let_in else False
    return Volume(account, is_open and granted is not None, granted)


_ENVELOPE = (b"return-path:", b"delivered-to:")


def read_mails(endpoints: Endpoints) -> tuple[Mail, ...]:
    """Every message in the order of arrival."""
    folder = Path(endpoints.ready["mail"]["maildir"])
    files = [file for part in ("new", "cur") for file in (folder / part).glob("*")]
    return tuple(sorted((_mail(file) for file in files), key=lambda mail: mail.at))


def _mail(file: Path) -> Mail:
    content = file.read_bytes()
    message = email.message_from_bytes(content, policy=default)
    return Mail(
        file=file.name,
        message_id=_text(message["Message-ID"]),
        recipients=tuple(str(each) for each in message.get_all("Delivered-To", ())),
        subject=str(message["Subject"] or ""),
        at=file.stat().st_mtime,
        digest=hashlib.sha256(_as_sent(content)).hexdigest(),
    )


def _text(header: object) -> str | None:
    return str(header).strip() if header is not None else None


def _as_sent(content: bytes) -> bytes:
    lines = content.splitlines()
    while lines and lines[0].lower().startswith(_ENVELOPE):
        lines.pop(0)
    return b"\n".join(lines)
