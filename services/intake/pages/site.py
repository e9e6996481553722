"""The users' pages, put together."""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis import clock
from bmt.chassis.execution import Execution
from bmt.chassis.foundation import Foundation
from bmt.pages.application import pages
from bmt.pages.login import Admitted
from services.intake.handlers import Weigh
from services.intake.pages import api, corrections
from services.intake.pages.attachments import Attachments
from services.intake.pages.desk import Desk
from services.intake.queries import KnownDocuments, Requests
from services.intake.settings import Settings

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings,
    foundation: Foundation,
    requests: Requests,
    known: KnownDocuments,
    weigh: Weigh,
    agencies: Agencies,
) -> APIRouter:
    """The pages, for who applies for themselves; administrators may, too."""
    admitted = Admitted(foundation.rate_limit, "applicant", "administrator")
    execution = foundation.execution
    attachments = Attachments(
        execution, foundation.documents, known, clock.now, settings.document_max_bytes
    )
    return pages(
        settings,
        foundation.authenticator,
        api.PREFIX,
        ROOM,
        lambda layout: _routes(
            Desk(requests, agencies, layout), execution, attachments, weigh, admitted
        ),
    )


def _routes(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    weigh: Weigh,
    admitted: Admitted,
) -> list[APIRouter]:
    return [
        api.routes(desk, execution, attachments, weigh, clock.new_id, admitted),
        corrections.routes(desk, execution, attachments, weigh, admitted),
    ]
