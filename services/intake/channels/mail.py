"""A message with what can be told of it: its form, and its attachments as documents."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from services.intake.channels.email_form import Form, form_of
from services.intake.channels.filename import FilenameWrong, checked
from services.intake.channels.media_types import ALLOWED, EMAIL, ENDINGS, TEXT, recognise
from services.intake.channels.message import Part, ReadMessage, read, unread
from services.intake.domain.events import Missing


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment of an allowed kind."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A message as it was read, its form, and the attachments that are kept by themselves."""

    message: ReadMessage
    form: Form
    attachments: tuple[Attachment, ...]


def open_mail(content: bytes, agencies: Mapping[str, str], *, found: bool = False) -> OpenedMail:
    """Read a message, handed in or `found` in a mailbox; never raises. `agencies` are codes by name, as of `codes_of`. It may take a second for the largest: not for the event loop."""
    try:
        return _opened(read(content, lists=found), agencies)
    except Exception:  # noqa: BLE001  whatever is wrong with it, a person can look at it
        return unopened("message_unreadable")


def unopened(why: str) -> OpenedMail:
    """A message of which nothing is told but why, as a code of `bmt.contracts.faults`."""
    return OpenedMail(unread(why), Form({}, (Missing.of("message", why),), None), ())


def open_head(head: bytes, why: str) -> OpenedMail:
    """The beginning of a message that is not read whole, for the reason `why`; never raises."""
    message = replace(read(head), plain=(), html=(), attachments=(), unreadable=(why,))
    return OpenedMail(message, Form({}, (Missing.of("message", why),), None), ())


def _opened(message: ReadMessage, agencies: Mapping[str, str]) -> OpenedMail:
    attachments = tuple(_allowed(message.attachments))
    forms = [each.content.decode("utf-8-sig") for each in attachments if each.media_type == TEXT]
    return OpenedMail(message, form_of(message, forms, agencies), attachments)


def _allowed(parts: tuple[Part, ...]) -> Iterator[Attachment]:
    """Those whose content is of an allowed kind; a kind told by its first bytes needs no label."""
    for number, part in enumerate(parts, start=1):
        told = part.declared_type if part.declared_type in ALLOWED else ""
        kind = recognise(io.BytesIO(part.content), told)
        is_written = kind in (TEXT, EMAIL)
        if kind is None or not part.content or (is_written and kind != told):
            continue
        yield Attachment(_name(part, number, kind), kind, part.content)


def _name(part: Part, number: int, kind: str) -> str:
    try:
        return checked(part.filename)
    except FilenameWrong:
        return f"attachment-{number}{ENDINGS[kind]}"
