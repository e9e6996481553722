"""Every attachment of a message, accounted for by name: kept as a document, or left out with the reason.

Kept are the kinds that are shown, and as evidence those that cannot be shown and that nothing runs.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bmt.contracts.values import NotShown, NotShownReason
from services.intake.channels.enclosed import Part
from services.intake.channels.evidence import evidence
from services.intake.channels.filename import FilenameWrong, checked
from services.intake.channels.media_types import ALLOWED, EMAIL, ENDINGS, TEXT, recognise
from services.intake.channels.message import MOST_ATTACHMENTS

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u180e]+"
)
_LONGEST_NAME: Final = 180


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment that is kept as a document."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Attachments:
    """What became of a message's attachments.

    Attributes:
        kept: those that are documents of their own.
        not_shown: those that nobody is shown, by name: left out, or kept as evidence alone.
    """

    kept: tuple[Attachment, ...] = ()
    not_shown: tuple[NotShown, ...] = ()


def accounted(parts: Sequence[Part]) -> Attachments:
    """Each of these, once; what has neither name nor content is none."""
    kept: list[Attachment] = []
    not_shown: list[NotShown] = []
    for number, part in enumerate(parts, start=1):
        if not part.content:
            if part.filename:
                not_shown.append(_without(part, number, "empty"))
            continue
        if len(kept) == MOST_ATTACHMENTS:
            not_shown.append(_without(part, number, "too_many"))
        elif (shown := _shown(part)) is not None:
            kept.append(Attachment(_name(part, number, ENDINGS[shown]), shown, part.content))
        elif (kind := evidence(part)) is not None:
            not_shown.append(_without(part, number, "cannot_be_shown"))
            kept.append(Attachment(_name(part, number, ""), kind, part.content))
        else:
            not_shown.append(_without(part, number, "would_run"))
    return Attachments(tuple(kept), tuple(not_shown[: 4 * MOST_ATTACHMENTS]))


def _shown(part: Part) -> str | None:
    """Its kind, where that is shown; a kind told by its first bytes needs no label."""
    told = part.declared_type if part.declared_type in ALLOWED else ""
    kind = recognise(io.BytesIO(part.content), told)
    return None if kind in (TEXT, EMAIL) and kind != told else kind


def _without(part: Part, number: int, reason: NotShownReason) -> NotShown:
    return NotShown(filename=_name(part, number, ""), reason=reason)


def _name(part: Part, number: int, ending: str) -> str:
    """Its name, as it can be shown and stored; with its kind's ending where it had to be changed."""
    try:
        return checked(part.filename)
    except FilenameWrong:
        pass
    try:
        seen = re.split(r"[/\\]", _UNSAFE.sub("", part.filename))[-1]
        short = checked(seen if len(seen) <= _LONGEST_NAME else f"{seen[:_LONGEST_NAME]}…")
        return short if short.lower().endswith(ending) else short + ending
    except FilenameWrong:
        return f"attachment-{number}{ending}"
