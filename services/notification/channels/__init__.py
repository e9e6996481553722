"""How a notice reaches its user: an e-mail (RFC 5322) by SMTP, or a paper (PDF)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.notification.domain.state import OutgoingNotice


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message, ready.

    Attributes:
        content: its bytes; the same notice always has the same.
        media_type: what they are.
        filename: what a reader may keep them as.
    """

    content: bytes
    media_type: str
    filename: str


Render = Callable[[OutgoingNotice], Awaitable[Rendered]]
"""Makes the message of a notice."""


def filename(outgoing: OutgoingNotice, extension: str) -> str:
    """A name that says which request it is about, and what of it."""
    reference = "".join(c if c.isalnum() else "-" for c in outgoing.request.reference)
    return f"{reference}-{outgoing.notice.about}.{extension}"
