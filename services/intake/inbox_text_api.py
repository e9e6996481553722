"""What a message of the inbox says, for who reads it beside a form."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from bmt.chassis.address import Id
from bmt.chassis.auth import Principal, require
from bmt.chassis.documents import DocumentStore
from bmt.chassis.openapi import problems
from bmt.chassis.web import api_router
from bmt.contracts.http.intake import InboxText
from services.intake.channels.media_types import EMAIL
from services.intake.domain.errors import UnknownInboxItem
from services.intake.queries import Inbox
from services.intake.reading.readers import Readers

Reading = Annotated[Principal, Depends(require("administrator"))]

_READ_AT_ONCE: Final = 2
"""Messages read at the same time: a large one takes some hundred megabytes while it is."""


def routes(inbox: Inbox, documents: DocumentStore, readers: Readers, most_bytes: int) -> APIRouter:
    """The route of an item's text; a message of more than `most_bytes` is not read."""
    api = api_router(tags=["inbox"])
    reading = asyncio.Semaphore(_READ_AT_ONCE)

    @api.get(
        "/v1/inbox/{inbox_item_id}/text",
        responses=problems("not_found"),
        summary="What a reader of the message sees, as plain text; empty where it is none, or too large",
    )
    async def text(inbox_item_id: Id, principal: Reading) -> InboxText:
        found = await inbox.get(inbox_item_id, principal.agency)
        if found is None:
            raise UnknownInboxItem
        whole = found.documents[0]
        if whole.media_type != EMAIL or whole.size_bytes > most_bytes:
            return InboxText(text="")
        async with reading:
            content = await documents.read(whole.document_id)
            return InboxText(text=await readers.text(content))

    return api
