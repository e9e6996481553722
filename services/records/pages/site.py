"""The auditor's pages, put together."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter

from bmt.agencies.register import Agencies
from bmt.chassis import clock
from bmt.chassis.foundation import Foundation
from bmt.pages.application import pages
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted, Login
from services.records.bundle.export import Exporter
from services.records.conformance.examination import Examination
from services.records.conformance.forms import Forms
from services.records.pages import api, conformance
from services.records.pages.address import PREFIX
from services.records.reading_room import ReadingRoom
from services.records.settings import Settings
from services.records.tree.notes import Signer

ROOM: Final = Path(__file__).parent


def site(
    settings: Settings,
    foundation: Foundation,
    room: ReadingRoom,
    exporter: Exporter,
    examination: Examination,
    forms: Forms,
    signer: Signer,
    agencies: Agencies,
) -> APIRouter:
    """The pages; none where it is not said how they are reached from outside."""
    if not settings.public_url or settings.session_key is None:
        return APIRouter()
    layout = Layout(PREFIX, [ROOM])
    secret = settings.login_client_secret
    login = Login(
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        public_url=settings.public_url,
        prefix=PREFIX,
        authenticator=foundation.authenticator,
    )
    admitted = Admitted(foundation.rate_limit, "auditor", "administrator")
    return pages(
        layout,
        login,
        [
            api.routes(room, exporter, signer, agencies, layout, admitted),
            conformance.routes(examination, forms, agencies, layout, admitted, clock.now),
        ],
        session_key=settings.session_key.get_secret_value(),
        secure=settings.public_url.startswith("https:"),
    )
