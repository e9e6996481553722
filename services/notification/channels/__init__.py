"""How a notice reaches its user: as an e-mail (RFC 5322) by SMTP, or as a paper (PDF)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.notification.domain.notice import OutgoingNotice


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished message.

    Attributes:
        content: its bytes. The same notice always has the same bytes.
        filename: the suggested name for saving it.
    """

    content: bytes
    media_type: str
    filename: str


Render = Callable[[OutgoingNotice], Awaitable[Rendered]]
"""Makes the message of a notice."""


def filename(outgoing: OutgoingNotice, extension: str) -> str:
    """A name made of the reference and what the notice is about."""
    reference = "".join(c if c.isalnum() else "-" for c in outgoing.request.reference)
    return f"{reference}-{outgoing.notice.about}.{extension}"
