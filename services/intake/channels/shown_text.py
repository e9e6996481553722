"""What a reader of an e-mail message sees: the best text that there is in it."""

from typing import Final

from services.intake.channels.html_looks import TooComplex
from services.intake.channels.labels import labelled
from services.intake.channels.message import ReadMessage, read
from services.intake.channels.plain_html import MARK, text_of

MOST_CHARACTERS: Final = 50_000


def shown_text(content: bytes) -> str:
    """The text, without markup, cut where it is too long to be read beside a form."""
    message = read(content)
    plain = "\n\n".join(text for one in message.plain if (text := one.text.strip()))
    if plain and (not message.html or labelled([plain]).values):
        return plain[:MOST_CHARACTERS]
    html = "\n\n".join(filter(None, _of_html(message)))
    more_told = not plain or bool(labelled([html]).values)
    return (html if html and more_told else plain)[:MOST_CHARACTERS]


def _of_html(message: ReadMessage) -> list[str]:
    texts = []
    for one in message.html:
        try:
            lines = text_of(one.text).split("\n")
        except TooComplex:
            continue
        texts.append("\n".join(line for line in lines if line.strip("> ") != MARK).strip())
    return texts
