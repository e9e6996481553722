"""Intake's pages, put together: the users' own, and the public one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis.http.limits import ClientAddress, RateLimit
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.document_rights import DocumentRights
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.pages.application import pages, public_pages
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.intake.correcting import Corrections
from services.intake.drafts import Drafts
from services.intake.handlers import AssembleSubmission, Judge
from services.intake.pages import api, blank_papers, correcting, status_page, submitting
from services.intake.pages.attachments import Attachments, most_bytes
from services.intake.pages.desk import Desk
from services.intake.pages.status_lookup import StatusLookup
from services.intake.printing.blank_papers import BlankPapers
from services.intake.queries import Requests
from services.intake.settings import Settings

ROOM: Final = Path(__file__).parent
_SECONDS_OF_CALLS: Final = 10
"""How many seconds' calls of one client may come at once."""


def site(
    settings: Settings,
    builder: ServiceBuilder,
    requests: Requests,
    corrections: Corrections,
    known: DocumentRights,
    *,
    drafts: Drafts,
    assemble_submission: AssembleSubmission,
    judge: Judge,
    agencies: Agencies,
    blanks: BlankPapers,
) -> APIRouter:
    """The pages, for who applies for themselves; administrators may, too."""
    admitted = Admitted(builder.rate_limit, "applicant", "administrator")
    execution = builder.execution
    attachments = Attachments(
        execution, builder.documents, known, clock.now, settings.document_max_bytes
    )

    def routes(layout: Layout) -> Sequence[APIRouter]:
        desk = Desk(requests, agencies, layout)
        return [
            api.routes(desk, execution, admitted),
            submitting.routes(
                desk,
                execution,
                attachments,
                drafts,
                assemble_submission=assemble_submission,
                judge=judge,
                new_id=clock.new_id,
                clock=clock.now,
                admitted=admitted,
            ),
            correcting.routes(desk, execution, attachments, corrections, judge, admitted),
            blank_papers.routes(blanks, admitted),
        ]

    return pages(
        settings,
        builder,
        api.PREFIX,
        ROOM,
        routes,
        most_bytes=most_bytes(settings.document_max_bytes),
    )


def public_site(settings: Settings, requests: Requests, agencies: Agencies) -> APIRouter:
    """The page for who has a reference and its code; none where no code is ever made."""
    if settings.status_code_key is None:
        return APIRouter()
    client_address = ClientAddress(settings.client_address_header, settings.trusted_proxies)
    per_second = settings.status_calls_per_second
    by_client = RateLimit(per_second, max(1, round(per_second * _SECONDS_OF_CALLS)))
    codes = tuple(one.code for one in agencies)
    lookup = StatusLookup(requests, settings.status_code_key.get_secret_value(), by_client, codes)
    return public_pages(
        settings,
        status_page.PREFIX,
        ROOM,
        lambda layout: [status_page.routes(lookup, client_address, agencies, layout)],
    )
