"""Keeps a message and its attachments as documents, and says what was read of it."""

from typing import Final, Protocol

from bmt.chassis import crash_points
from bmt.chassis.runtime.documents import Received, StoredDocument, received_bytes
from bmt.contracts.values import Document
from services.intake.channels.authentication import authenticated
from services.intake.channels.mail import OpenedMail
from services.intake.channels.media_types import EMAIL
from services.intake.domain.events import Mail
from services.intake.domain.sender import address_in

MESSAGE_FILENAME: Final = "message.eml"


class Documents(Protocol):
    """Where documents are stored."""

    async def put(self, received: Received, *, filename: str, media_type: str) -> StoredDocument:
        """Store the bytes; durable when this returns."""
        ...


async def kept(
    received: Received, opened: OpenedMail, documents: Documents, authserv_id: str | None
) -> Mail:
    """The message whole, then each attachment that is kept.

    `authserv_id` names the server that is trusted to tell whether the sender is authenticated.
    """
    whole = await _put(documents, received, MESSAGE_FILENAME, EMAIL)
    files = [(each.content, each.filename, each.media_type) for each in opened.attachments.kept]
    return Mail(
        message_id=opened.message.message_id,
        sender=opened.message.sender,
        subject=opened.message.subject,
        documents=(whole, *[await _stored(documents, *file) for file in files]),
        understood=opened.form.understood,
        missing=opened.form.missing,
        authenticated=_authenticated(opened, authserv_id),
        not_shown=opened.attachments.not_shown,
    )


def _authenticated(opened: OpenedMail, authserv_id: str | None) -> bool | None:
    if authserv_id is None:
        return None
    message = opened.message
    return authenticated(message.authentication, authserv_id, address_in(message.sender))


async def _stored(documents: Documents, content: bytes, filename: str, kind: str) -> Document:
    received = await received_bytes(content)
    with received.content:
        return await _put(documents, received, filename, kind)


async def _put(documents: Documents, received: Received, filename: str, kind: str) -> Document:
    received.content.seek(0)
    await documents.put(received, filename=filename, media_type=kind)
    crash_points.reached("intake.keeping.document_kept")
    return Document(
        document_id=received.document_id,
        filename=filename,
        media_type=kind,
        size_bytes=received.size_bytes,
    )
