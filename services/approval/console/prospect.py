"""What approving a request will change, as provisioning sees it now; a request can be decided without knowing."""

import asyncio
from typing import Final

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.provisioning import Plan
from bmt.contracts.problems import Refused
from bmt.pages.login import SignInFirst
from services.approval.console.neighbours import Errand, address

SECONDS: Final = 4.0
"""A page waits so long at most."""


async def prospect(review: RequestUnderReview, errand: Errand) -> Plan | None:
    """The plan, for what stands to be granted; None: it cannot be told now."""
    asked = review.endorsements[-1].approved.model_dump() if review.endorsements else {}
    try:
        async with asyncio.timeout(SECONDS):
            path = address("requests", review.request_id, "plan")
            return await errand.get("provisioning", path, Plan, asked)
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return None
