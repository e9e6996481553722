"""What a message of the inbox says, and why it waits, for who reads it beside a form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id
from bmt.chassis.runtime.documents import DocumentStore
from bmt.contracts.http.intake import InboxText
from bmt.pages.language import Code, told
from services.intake.channels.labels import LABELS
from services.intake.channels.media_types import EMAIL
from services.intake.domain.errors import UnknownInboxItem
from services.intake.domain.events import Missing
from services.intake.queries import Inbox
from services.intake.reading.readers import Readers
from services.intake.views import InboxDocument

Reading = Annotated[Principal, Depends(require("administrator"))]
Languages = Annotated[str, Header(alias="Accept-Language", max_length=500)]

_READ_AT_ONCE: Final = 2
"""Messages read at the same time: a large one takes some hundred megabytes while it is."""


def routes(inbox: Inbox, documents: DocumentStore, readers: Readers, most_bytes: int) -> APIRouter:
    """The route of an item's text; of a message of more than `most_bytes`, that of its beginning."""
    api = api_router(tags=["inbox"])
    reading = asyncio.Semaphore(_READ_AT_ONCE)

    @api.get(
        "/v1/inbox/{inbox_item_id}/text",
        responses=problems("not_found"),
        summary="What a reader of the message sees, as plain text, and why it waits; empty where it has no text",
    )
    async def text(
        inbox_item_id: Id, principal: Reading, accept_language: Languages = ""
    ) -> InboxText:
        found = await inbox.get(inbox_item_id, principal.agency)
        if found is None:
            raise UnknownInboxItem
        reason = _why_it_waits(found, _language(accept_language))
        whole = found.documents[0]
        if whole.media_type != EMAIL:
            return InboxText(text="", reason=reason)
        async with reading:
            _, chunks = await documents.open(whole.document_id)
            content = await _beginning(chunks, most_bytes)
            return InboxText(text=await readers.text(content), reason=reason)

    return api


async def _beginning(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    taken: list[bytes] = []
    async for chunk in chunks:
        taken.append(chunk[: most_bytes - sum(map(len, taken))])
        if not taken[-1]:
            break
    return b"".join(taken)


def _why_it_waits(found: InboxDocument, language: Code) -> str | None:
    """In one sentence; of several fields, their labels."""
    if found.status != "waiting" or not found.missing:
        return None
    fields = dict.fromkeys(one.field for one in found.missing)
    reason = found.missing[0]
    if len(fields) > 1:
        labels = (" / ".join(LABELS[name][:2]) if name in LABELS else name for name in fields)
        reason = Missing.of("message", "lines_unclear", labels=", ".join(labels))
    return told(reason, language)


def _language(accept_language: str) -> Code:
    """The first of both that is asked for; Malay where neither is (RFC 9110, 12.5.4)."""
    asked = [part.partition(";q=") for part in accept_language.lower().replace(" ", "").split(",")]
    for tag, _, _ in sorted(asked, key=lambda one: -_weight(one[2])):
        if tag[:2] == "en":
            return "en"
        if tag[:2] == "ms":
            return "ms"
    return "ms"


def _weight(quality: str) -> float:
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0
