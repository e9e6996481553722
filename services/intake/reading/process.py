"""Reads messages: `python -m services.intake.reading.process`, one after the other from its input.

What strangers send may be hostile, so this is a process of its own, without secrets, bounded in memory, and in
time for each message: the kernel ends it, wherever it is. It ends too when intake does, as its input ends then.
"""

import resource
import struct
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import IO, Final, Literal

from pydantic import BaseModel, TypeAdapter

from services.intake.channels.attachments import Attachments
from services.intake.channels.mail import OpenedMail, open_head, open_mail, shown_text

LENGTH: Final = struct.Struct(">Q")

Kind = Literal["mail", "head", "text"]


class Asked(BaseModel):
    """What is wanted of a message, whose bytes follow.

    Attributes:
        kind: all that can be told of it; the same of its beginning; its text for people.
        agencies: codes by name, as of `email_form.codes_of`.
        found: it was found in a mailbox.
        why: nothing but its beginning is read.
    """

    kind: Kind
    agencies: Mapping[str, str] = {}
    found: bool = False
    why: str = ""


_OPENED: Final = TypeAdapter(OpenedMail)


def framed(pieces: Sequence[bytes]) -> bytes:
    """These pieces, behind their number."""
    framed = [LENGTH.pack(len(pieces))]
    for piece in pieces:
        framed += [LENGTH.pack(len(piece)), piece]
    return b"".join(framed)


def pieces_of(opened: OpenedMail) -> list[bytes]:
    """A message as it was opened: what is told of it, then the bytes of each attachment that is kept."""
    bare = replace(
        opened,
        message=replace(opened.message, plain=(), html=(), attachments=()),
        attachments=_with(opened.attachments, (b"" for _ in opened.attachments.kept)),
    )
    return [_OPENED.dump_json(bare), *(each.content for each in opened.attachments.kept)]


def _with(attachments: Attachments, contents: Iterable[bytes]) -> Attachments:
    """These attachments, with these contents."""
    pairs = zip(attachments.kept, contents, strict=True)
    return replace(attachments, kept=tuple(replace(one, content=each) for one, each in pairs))


def opened_of(pieces: Sequence[bytes]) -> OpenedMail:
    """As `pieces_of` took it apart; the texts are left out.

    Raises:
        ValueError: these are no such pieces.
    """
    told, *contents = pieces
    bare = _OPENED.validate_json(told)
    return replace(bare, attachments=_with(bare.attachments, contents))


MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 5
"""For one message."""


def answer(asked: Asked, content: bytes) -> list[bytes]:
    """What is wanted of the message."""
    if asked.kind == "text":
        return [shown_text(content).encode()]
    if asked.kind == "head":
        return pieces_of(open_head(content, asked.why))
    return pieces_of(open_mail(content, asked.agencies, found=asked.found))


def _pieces(source: IO[bytes]) -> list[bytes]:
    number = source.read(LENGTH.size)
    if not number:
        return []
    return [_piece(source) for _ in range(LENGTH.unpack(number)[0])]


def _piece(source: IO[bytes]) -> bytes:
    (length,) = LENGTH.unpack(source.read(LENGTH.size))
    return source.read(length)


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bounded_from_here(cpu_seconds: int) -> None:
    """The kernel counts whole seconds from the process's beginning."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + cpu_seconds, hard))


def main(cpu_seconds: int = MOST_CPU_SECONDS) -> None:
    """Answer until nothing more is asked."""
    _bounded()
    while wanted := _pieces(sys.stdin.buffer):
        _bounded_from_here(cpu_seconds)
        sys.stdout.buffer.write(framed(answer(Asked.model_validate_json(wanted[0]), wanted[1])))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
