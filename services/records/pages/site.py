"""The auditor's pages, put together."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.pages.application import pages
from bmt.pages.login import Admitted
from services.records.audited_queries import AuditedQueries
from services.records.bundle.export import Exporter
from services.records.conformance.examination import Examination
from services.records.conformance.forms import Forms
from services.records.pages import api, conformance
from services.records.pages.asked import PREFIX
from services.records.settings import Settings
from services.records.tree.notes import Signer

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings,
    builder: ServiceBuilder,
    room: AuditedQueries,
    exporter: Exporter,
    examination: Examination,
    forms: Forms,
    signer: Signer,
    agencies: Agencies,
) -> APIRouter:
    """The pages, for auditors and administrators."""
    admitted = Admitted(builder.rate_limit, "auditor", "administrator")
    return pages(
        settings,
        builder,
        PREFIX,
        ROOM,
        lambda layout: [
            api.routes(room, exporter, signer, agencies, layout, admitted),
            conformance.routes(examination, forms, agencies, layout, admitted, clock.now),
        ],
    )
