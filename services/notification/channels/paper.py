"""A paper: a letter, a memo or a form.

The layout follows the Malaysian public service's guide to official letters and memos (Arahan
Pentadbiran Ketua Pengarah MAMPU Bil. 5/2014).
"""

import asyncio
from pathlib import Path
from typing import Any, Final

import segno
import structlog

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.values import PaperChannel
from bmt.press.typesetter import MEDIA_TYPE, Typesetter
from services.notification.channels import Rendered, filename
from services.notification.domain.notice import OutgoingNotice
from services.notification.wording.phrases import english_date, malay_date

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"


_typesetter: Final = Typesetter(TEMPLATES)


async def render(channel: PaperChannel, outgoing: OutgoingNotice) -> Rendered:
    """The paper of a notice."""
    content = await asyncio.to_thread(pdf, channel, outgoing)
    return Rendered(content, MEDIA_TYPE, filename(outgoing, "pdf"))


def pdf(channel: PaperChannel, outgoing: OutgoingNotice) -> bytes:
    """The paper as a PDF. A character that no font has becomes an empty square, and is logged."""

    def lacks_font() -> None:
        log.warning("paper_lacks_font", request_id=outgoing.request.request_id)

    return _typesetter.pdf(channel, _paper(outgoing), lacks_font)


def _paper(outgoing: OutgoingNotice) -> dict[str, Any]:
    """The data that a template reads."""
    notice, request = outgoing.notice, outgoing.request
    day = notice.at.astimezone(MALAYSIA).date()
    return {
        "agency": notice.agency_name,
        "reference": request.reference,
        "recipient": notice.recipient,
        "account": request.applicant.account,
        "about": notice.about,
        "kind": request.kind,
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "date": {"malay": malay_date(notice.at), "english": english_date(notice.at)},
        "malay": notice.content.malay.model_dump(),
        "english": notice.content.english.model_dump(),
        "status_address": notice.status_address,
        "qr": segno.make(notice.status_address, error="m").svg_inline(scale=4)
        if notice.status_address
        else None,
    }
