"""The accounts of a run, added to IPMS before anything else happens."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx

from bmt.prove.workload import Story

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
CONCURRENCY: Final = 8


async def register(ipms: Mapping[str, Any], stories: Iterable[Story]) -> None:
    """Every applicant that the stories say is registered, serving (RFC 7644, 3.3)."""
    slots = asyncio.Semaphore(CONCURRENCY)
    headers = {"Authorization": f"Bearer {ipms['token']}"}
    async with httpx.AsyncClient(headers=headers, timeout=60.0, trust_env=False) as client:

        async def add(account: str) -> None:
            user = {"schemas": [USER], "userName": account, "active": True}
            async with slots:
                answer = await client.post(f"{ipms['url']}/Users", json=user)
                answer.raise_for_status()

        await asyncio.gather(*(add(story.account) for story in stories if story.registered))
