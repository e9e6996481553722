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
from dataclasses import replace
from typing import IO, Final, Literal

from pydantic import BaseModel, TypeAdapter

from services.intake.channels.attachments import Attachments
from services.intake.channels.mail import OpenedMail, open_head, open_mail, shown_text

LENGTH: Final = struct.Struct(">Q")

Kind = Literal["mail", "head", "text"]


class Asked(BaseModel):
    """A question about a message, whose bytes follow.

    Attributes:
        kind: everything; the same of its beginning; its text for people.
        agencies: codes by name, as of `field_values.codes_of`.
        found: it was found in a mailbox.
        why: why only its beginning is read.
    """

    kind: Kind
    agencies: Mapping[str, str] = {}
    found: bool = False
    why: str = ""


_OPENED: Final = TypeAdapter(OpenedMail)


def framed(pieces: Sequence[bytes]) -> bytes:
    """The pieces after their number."""
    framed = [LENGTH.pack(len(pieces))]
    for piece in pieces:
        framed += [LENGTH.pack(len(piece)), piece]
    return b"".join(framed)


def pieces_of(opened: OpenedMail) -> list[bytes]:
    """An opened message in pieces: its description, then the bytes of each attachment that is kept."""
    bare = replace(
        opened,
        message=replace(opened.message, plain=(), html=(), attachments=()),
        attachments=_with(opened.attachments, (b"" for _ in opened.attachments.kept)),
    )
    return [_OPENED.dump_json(bare), *(each.content for each in opened.attachments.kept)]


def _with(attachments: Attachments, contents: Iterable[bytes]) -> Attachments:
    pairs = zip(attachments.kept, contents, strict=True)
    return replace(attachments, kept=tuple(replace(one, content=each) for one, each in pairs))


def opened_of(pieces: Sequence[bytes]) -> OpenedMail:
    """The opened message of these pieces, without its texts.

    Raises:
        ValueError: the pieces are invalid.
    """
    told, *contents = pieces
    bare = _OPENED.validate_json(told)
    return replace(bare, attachments=_with(bare.attachments, contents))


MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 5
"""For one message."""


def answer(asked: Asked, content: bytes) -> list[bytes]:
    """The pieces of the answer."""
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
    """The kernel counts whole seconds from the start of the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + cpu_seconds, hard))


def main(cpu_seconds: int = MOST_CPU_SECONDS) -> None:
    """Answer questions until the input ends."""
    _bounded()
    while wanted := _pieces(sys.stdin.buffer):
        _bounded_from_here(cpu_seconds)
        sys.stdout.buffer.write(framed(answer(Asked.model_validate_json(wanted[0]), wanted[1])))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
