"""Whether a machine sent a message, and if so, what tells it."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Final

_ANSWERS: Final = ("x-autoreply", "x-autorespond")
_NOT_PERSONAL: Final = ("auto_reply", "auto-reply", "bulk", "junk", "list")
_LISTS: Final = ("list-id", "list-unsubscribe")


def why_automatic(message: EmailMessage, *, lists: bool) -> str:
    """By RFC 3834 (Auto-Submitted), 5321 (null return path), 2919 (List-Id) and common custom.

    `lists`: what came by a mailing list counts too. Empty for what a person wrote. Names the field that tells it, and never what else is in it.
    """
    return next(_reasons(message, lists=lists), "")


def _reasons(message: EmailMessage, *, lists: bool) -> Iterator[str]:
    if message.get_content_type() == "multipart/report":
        yield "It is a report of a mail system (multipart/report)."
    if _field(message, "auto-submitted").partition(";")[0].strip().lower() not in ("", "no"):
        yield "A machine sent it (Auto-Submitted)."
    if _field(message, "return-path") == "<>":
        yield "It wants no answer (null return path)."
    if (precedence := _field(message, "precedence").lower()) in _NOT_PERSONAL:
        yield f"It was not written to this mailbox alone (Precedence: {precedence})."
    if lists and any(name in message for name in _LISTS):
        yield "It came by a mailing list (List-Id, List-Unsubscribe)."
    if any(name in message for name in _ANSWERS):
        yield "It is an answer while somebody is away (X-Autoreply)."


def _field(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()
