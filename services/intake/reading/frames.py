"""What goes between intake and a process that reads messages: pieces of bytes, each behind its length."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel, TypeAdapter

from services.intake.channels.attachments import Attachments
from services.intake.channels.mail import OpenedMail

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
