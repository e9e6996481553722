"""Opens a message: its text, its form, and its attachments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.intake.channels.attachments import BYTES, Attachments, accounted
from services.intake.channels.character_sets import decoded
from services.intake.channels.email_form import Form, form_of
from services.intake.channels.enclosed import Part
from services.intake.channels.html_looks import TooComplex
from services.intake.channels.labels import labelled
from services.intake.channels.media_types import TEXT
from services.intake.channels.message import MOST_TEXT_BYTES, ReadMessage, read, unread
from services.intake.channels.plain_html import MARK, text_of
from services.intake.domain.events import Missing


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A message that was read, with its form and its attachments."""

    message: ReadMessage
    form: Form
    attachments: Attachments


def open_mail(content: bytes, agencies: Mapping[str, str], *, found: bool = False) -> OpenedMail:
    """Read a message, handed in or `found` in a mailbox; never raises.

    `agencies` are codes by name, as of `codes_of`. The largest message takes a second: do not run it in the event
    loop.
    """
    try:
        return _opened(read(content, lists=found), agencies)
    except Exception:  # noqa: BLE001  whatever is wrong with it, a person can look at it
        return unopened("message_unreadable")


def unopened(why: str) -> OpenedMail:
    """A message that was not read; `why` is a code of `bmt.contracts.faults`."""
    return OpenedMail(unread(why), Form({}, (Missing.of("message", why),), None), Attachments())


def open_head(head: bytes, why: str) -> OpenedMail:
    """The beginning of a message that is not read whole; `why` is the reason. Never raises."""
    message = replace(read(head), plain=(), html=(), attachments=(), unreadable=(why,))
    return OpenedMail(message, Form({}, (Missing.of("message", why),), None), Attachments())


def _opened(message: ReadMessage, agencies: Mapping[str, str]) -> OpenedMail:
    attachments = accounted(message.attachments)
    forms = [
        decoded(part.content, part.charset)
        for part in message.attachments
        if _is_plain_text(part) and len(part.content) <= MOST_TEXT_BYTES
    ]
    return OpenedMail(message, form_of(message, forms, agencies), attachments)


def _is_plain_text(part: Part) -> bool:
    """Many programs send a `.txt` without saying what it is."""
    is_named_so = part.filename.lower().endswith(".txt")
    return part.declared_type == TEXT or (is_named_so and part.declared_type in ("", BYTES))


MOST_CHARACTERS: Final = 50_000


def shown_text(content: bytes) -> str:
    """The text that a reader sees, without markup, cut to a length that fits beside a form."""
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
