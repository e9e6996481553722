"""What approving a request will change, as provisioning sees it now; a request can be decided without knowing."""

import asyncio
from typing import Final

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.provisioning import Plan
from bmt.contracts.problems import Refused
from services.approval.console.neighbours import Errand

SECONDS: Final = 4.0
"""A page waits so long at most."""


async def prospect(request_id: str, errand: Errand) -> Plan | None:
    """The plan; None: it cannot be told now."""
    try:
        async with asyncio.timeout(SECONDS):
            return await errand.get("provisioning", f"/v1/requests/{request_id}/plan", Plan)
    except (Refused, Unavailable, TimeoutError):
        return None
