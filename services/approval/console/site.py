"""The console, put together."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis import clock
from bmt.chassis.foundation import Foundation
from bmt.pages.application import pages
from bmt.pages.login import Admitted
from services.approval.console import api
from services.approval.console.desk import Desk
from services.approval.settings import Settings
from services.approval.views import Reviews

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings, foundation: Foundation, reviews: Reviews, agencies: Agencies
) -> APIRouter:
    """The pages, for administrators."""
    admitted = Admitted(foundation.rate_limit, "administrator")
    return pages(
        settings,
        foundation.authenticator,
        api.PREFIX,
        ROOM,
        lambda layout: [
            api.routes(
                Desk(reviews, agencies, clock.now, layout),
                foundation.execution,
                foundation.documents,
                agencies,
                clock.now,
                admitted,
            )
        ],
    )
