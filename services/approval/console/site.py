"""Puts the console's pages together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
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
from services.approval.console.clients import ServiceClients
from services.approval.console.desk import Desk
from services.approval.console.documents import Originals
from services.approval.console.live import ChangeSignal, Live
from services.approval.console.uploads import MOST_BYTES
from services.approval.console.wording import open_offices
from services.approval.rules import Versions
from services.approval.settings import Settings
from services.approval.views import Reviews

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings,
    builder: ServiceBuilder,
    reviews: Reviews,
    versions: Versions,
    agencies: Agencies,
) -> APIRouter:
    """The console's pages; none if no session key is set."""
    if settings.session_key is None:
        return APIRouter()
    service_clients = ServiceClients(
        {
            "intake": settings.intake_url,
            "provisioning": settings.provisioning_url,
            "notification": settings.notification_url,
        }
    )
    builder.closes(service_clients.aclose)
    originals = Originals(builder.documents)
    admitted = Admitted(builder.rate_limit, "administrator")
    documents = builder.documents
    change_signal = ChangeSignal()
    builder.projects(change_signal)

    def made(layout: Layout) -> Sequence[APIRouter]:
        offices = open_offices(service_clients)
        layout.always(offices={office.path: office.name for office in offices})
        desk = Desk(reviews, agencies, clock.now, layout, service_clients, offices, originals)
        every = {
            "inbox": inbox.routes(
                layout, service_clients, originals, documents, agencies, admitted
            ),
            "tasks": tasks.routes(layout, service_clients, builder.document_rights, admitted),
            "papers": papers.routes(layout, service_clients, admitted),
            "notices": notices.routes(layout, service_clients, admitted),
        }
        through_intake = [
            scans.routes(layout, service_clients, agencies, admitted),
            correcting.routes(
                layout, desk, service_clients, agencies, builder.document_rights, admitted
            ),
        ]
        return [
            api.routes(desk, builder.execution, documents, agencies, clock.now, admitted),
            comments.routes(
                desk,
                service_clients,
                builder.execution,
                documents,
                builder.document_rights,
                clock.now,
                admitted,
            ),
            rules.routes(layout, versions, agencies, admitted),
            live.routes(layout, desk, reviews, Live(reviews, change_signal), admitted),
            *(every[office.path] for office in offices),
            *(through_intake if "intake" in service_clients else ()),
        ]

    return pages(
        settings,
        builder,
        api.PREFIX,
        ROOM,
        made,
        most_bytes=MOST_BYTES,
        scripts=True,
    )
