"""Reads messages from its input, one after the other: `python -m services.intake.mail_process`.

Messages of strangers may be hostile. So this is a process of its own without secrets, and the kernel bounds
its memory and its time for each message. It ends when its input does, and so with intake.

Both directions carry pieces of bytes, each after its length.
"""

import resource
import struct
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Final, Literal

from pydantic import BaseModel, TypeAdapter

from services.intake.channels.email_form import Form, form_of
from services.intake.channels.html_looks import TooComplex
from services.intake.channels.labels import labelled
from services.intake.channels.media_types import BYTES, TEXT, Attachments, accounted
from services.intake.channels.message import MOST_TEXT_BYTES, ReadMessage, decoded, read, unread
from services.intake.channels.parts import Part
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

    `agencies` are codes by name, as of `readers.codes_of`. The largest message takes a second: do not run it in the event
    loop.
    """
    try:
        message = read(content, lists=found)
        forms = [
            decoded(part.content, part.charset)
            for part in message.attachments
            if _is_plain_text(part) and len(part.content) <= MOST_TEXT_BYTES
        ]
        return OpenedMail(
            message, form_of(message, forms, agencies), accounted(message.attachments)
        )
    except Exception:  # noqa: BLE001  whatever is wrong with it, a person can look at it
        return unopened("message_unreadable")


def unopened(why: str) -> OpenedMail:
    """A message that was not read; `why` is a code of `bmt.contracts.faults`."""
    return _without_form(unread(why), why)


def open_head(head: bytes, why: str) -> OpenedMail:
    """The beginning of a message that is not read whole; `why` is the reason. Never raises."""
    return _without_form(_bare(replace(read(head), unreadable=(why,))), why)


def _without_form(message: ReadMessage, why: str) -> OpenedMail:
    return OpenedMail(message, Form({}, (Missing.of("message", why),), None), Attachments())


def _bare(message: ReadMessage) -> ReadMessage:
    """Without the texts, which stay with the process that read them."""
    return replace(message, plain=(), html=(), attachments=())


def _is_plain_text(part: Part) -> bool:
    """Many programs send a `.txt` without saying what it is."""
    is_named_so = part.filename.lower().endswith(".txt")
    return part.declared_type == TEXT or (is_named_so and part.declared_type in ("", BYTES))


MOST_CHARACTERS: Final = 50_000


def shown_text(content: bytes) -> str:
    """The text that a reader sees, without markup, cut to a length that fits beside a form."""
    message = read(content)
    plain = "\n\n".join(text for one in message.plain if (text := one.text.strip()))
    if plain and (not message.html or labelled(plain).values):
        return plain[:MOST_CHARACTERS]
    texts = []
    for one in message.html:
        with suppress(TooComplex):
            lines = (line for line in text_of(one.text).split("\n") if line.strip("> ") != MARK)
            texts.append("\n".join(lines).strip())
    html = "\n\n".join(filter(None, texts))
    html_has_more = not plain or bool(labelled(html).values)
    return (html if html and html_has_more else plain)[:MOST_CHARACTERS]


LENGTH: Final = struct.Struct(">Q")

Kind = Literal["mail", "head", "text"]


class Question(BaseModel):
    """A question about a message, whose bytes follow: its whole content, that of its beginning alone, or its text for people.

    `agencies` are as of `readers.codes_of`; `found` in a mailbox; `why` only its beginning is read.
    """

    kind: Kind
    agencies: Mapping[str, str] = {}
    found: bool = False
    why: str = ""


_OPENED: Final = TypeAdapter(OpenedMail)


def framed(pieces: Sequence[bytes]) -> bytes:
    framed = [LENGTH.pack(len(pieces))]
    for piece in pieces:
        framed += [LENGTH.pack(len(piece)), piece]
    return b"".join(framed)


def pieces_of(opened: OpenedMail) -> list[bytes]:
    """An opened message in pieces: its description, then the bytes of each attachment that is kept."""
    contents = [each.content for each in opened.attachments.kept]
    emptied = _with(opened.attachments, [b""] * len(contents))
    bare = replace(opened, message=_bare(opened.message), attachments=emptied)
    return [_OPENED.dump_json(bare), *contents]


def _with(attachments: Attachments, contents: Iterable[bytes]) -> Attachments:
    pairs = zip(attachments.kept, contents, strict=True)
    return replace(attachments, kept=tuple(replace(one, content=each) for one, each in pairs))


def opened_of(pieces: Sequence[bytes]) -> OpenedMail:
    """The opened message of these pieces, without its texts.

    Raises:
        ValueError: the pieces are invalid.
    """
    description, *contents = pieces
    bare = _OPENED.validate_json(description)
    return replace(bare, attachments=_with(bare.attachments, contents))


MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 5
"""For one message."""


def answer(question: Question, content: bytes) -> list[bytes]:
    if question.kind == "text":
        return [shown_text(content).encode()]
    if question.kind == "head":
        return pieces_of(open_head(content, question.why))
    return pieces_of(open_mail(content, question.agencies, found=question.found))


def _pieces(source: IO[bytes]) -> list[bytes]:
    number = source.read(LENGTH.size)
    if not number:
        return []
    pieces = range(LENGTH.unpack(number)[0])
    return [source.read(LENGTH.unpack(source.read(LENGTH.size))[0]) for _ in pieces]


def main() -> None:
    """Answer questions until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    while wanted := _pieces(sys.stdin.buffer):
        # The kernel counts whole seconds from the start of the process.
        seconds = int(time.process_time()) + 1 + MOST_CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))
        sys.stdout.buffer.write(framed(answer(Question.model_validate_json(wanted[0]), wanted[1])))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
