"""What a reader of an e-mail message sees: its text, or that of its HTML where it has no other."""

from typing import Final

from services.intake.channels.message import read
from services.intake.channels.plain_html import text_of

MOST_CHARACTERS: Final = 50_000


def shown_text(content: bytes) -> str:
    """The text, without markup, cut where it is too long to be read beside a form."""
    message = read(content)
    texts = [one for one in message.plain if one.strip()]
    texts = texts or [text_of(one) for one in message.html]
    return "\n\n".join(text.strip() for text in texts)[:MOST_CHARACTERS]
