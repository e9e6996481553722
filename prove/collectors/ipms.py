"""The accounts of IPMS by SCIM, and its journal if it is at hand."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx

from prove.evidence import Account, Change, Endpoints, Unreachable

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
PAGE: Final = 200


async def accounts(where: Endpoints) -> tuple[Account, ...]:
    """Every user (RFC 7644, 3.4.2.4: pages begin at 1).

    Raises:
        Unreachable: IPMS does not answer.
    """
    ipms = where.ready["ipms"]
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


def changes(where: Endpoints) -> tuple[Change, ...]:
    """Each whole line about a user, in order; a line cut short was never answered."""
    if where.ipms_journal is None or not where.ipms_journal.exists():
        return ()
    lines = where.ipms_journal.read_text().split("\n")[:-1]
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
