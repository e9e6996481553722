"""The console, put together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import Foundation
from bmt.pages.application import pages
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.approval.console import (
    api,
    comments,
    correcting,
    inbox,
    live,
    notices,
    papers,
    rules,
    scans,
    tasks,
)
from services.approval.console.clients import Neighbours
from services.approval.console.desk import Desk
from services.approval.console.documents import Originals
from services.approval.console.live import Live, Pulse
from services.approval.console.uploads import MOST_BYTES
from services.approval.console.wording import open_offices
from services.approval.rules import Versions
from services.approval.settings import Settings
from services.approval.views import Reviews

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings,
    foundation: Foundation,
    reviews: Reviews,
    versions: Versions,
    agencies: Agencies,
) -> APIRouter:
    """The pages, for administrators; none where nobody says how they are reached from outside."""
    if settings.session_key is None:
        return APIRouter()
    neighbours = Neighbours(
        {
            "intake": settings.intake_url,
            "provisioning": settings.provisioning_url,
            "notification": settings.notification_url,
        }
    )
    foundation.closes(neighbours.aclose)
    originals = Originals(foundation.documents)
    admitted = Admitted(foundation.rate_limit, "administrator")
    documents = foundation.documents
    pulse = Pulse()
    foundation.projects(pulse)

    def made(layout: Layout) -> Sequence[APIRouter]:
        offices = open_offices(neighbours)
        layout.always(offices={office.path: office.name for office in offices})
        desk = Desk(reviews, agencies, clock.now, layout, neighbours, offices, originals)
        every = {
            "inbox": inbox.routes(layout, neighbours, originals, documents, agencies, admitted),
            "tasks": tasks.routes(layout, neighbours, foundation.document_rights, admitted),
            "papers": papers.routes(layout, neighbours, admitted),
            "notices": notices.routes(layout, neighbours, admitted),
        }
        through_intake = [
            scans.routes(layout, neighbours, agencies, admitted),
            correcting.routes(
                layout, desk, neighbours, agencies, foundation.document_rights, admitted
            ),
        ]
        return [
            api.routes(desk, foundation.execution, documents, agencies, clock.now, admitted),
            comments.routes(
                desk,
                neighbours,
                foundation.execution,
                documents,
                foundation.document_rights,
                clock.now,
                admitted,
            ),
            rules.routes(layout, versions, agencies, admitted),
            live.routes(layout, desk, reviews, Live(reviews, pulse), admitted),
            *(every[office.path] for office in offices),
            *(through_intake if "intake" in neighbours else ()),
        ]

    return pages(
        settings,
        foundation,
        api.PREFIX,
        ROOM,
        made,
        most_bytes=MOST_BYTES,
        scripts=True,
    )
