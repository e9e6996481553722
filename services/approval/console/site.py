"""Puts the console's pages together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
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
from services.approval.console.desk import Desk
from services.approval.console.documents import Originals
from services.approval.console.live import ChangeSignal, Live
from services.approval.console.uploads import MOST_BYTES
from services.approval.console.wording import open_sections
from services.approval.rules import Versions
from services.approval.settings import Settings
from services.approval.views import Reviews
from web.application import pages
from web.clients import ServiceClients
from web.layout import Layout
from web.login import Admitted

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
    change_signal = ChangeSignal()
    builder.projects(change_signal)

    def made(layout: Layout) -> Sequence[APIRouter]:
        desk = Desk(
            layout=layout,
            admitted=Admitted("administrator"),
            clients=service_clients,
            agencies=agencies,
            reviews=reviews,
            versions=versions,
            execution=builder.execution,
            documents=builder.documents,
            rights=builder.document_rights,
            originals=Originals(builder.documents),
            clock=clock.now,
        )
        sections = open_sections(service_clients)
        layout.always(sections={section.path: section.name for section in sections})
        modules = {"inbox": inbox, "tasks": tasks, "papers": papers, "notices": notices}
        through_intake = (scans, correcting) if "intake" in service_clients else ()
        shown = (api, comments, rules, *(modules[one.path] for one in sections), *through_intake)
        routers = [module.routes(desk) for module in shown]
        return [*routers, live.routes(desk, Live(reviews, change_signal))]

    return pages(settings, builder, api.PREFIX, ROOM, made, most_bytes=MOST_BYTES, scripts=True)
