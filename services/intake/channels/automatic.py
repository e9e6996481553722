"""Whether a machine sent a message, and if so, what tells it."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Final

_ANSWERS: Final = ("x-autoreply", "x-autorespond")
_NOT_PERSONAL: Final = ("auto_reply", "auto-reply", "bulk", "junk", "list")
_LISTS: Final = ("list-id", "list-unsubscribe")


def why_automatic(message: EmailMessage, *, lists: bool) -> str:
    """By RFC 3834 (Auto-Submitted), 5321 (null return path), 2919 (List-Id) and common custom.

    `lists`: what came by a mailing list counts too. The code of what tells it (`bmt.contracts.faults`); empty for what a person wrote.
    """
    return next(_reasons(message, lists=lists), "")


def _reasons(message: EmailMessage, *, lists: bool) -> Iterator[str]:
    if message.get_content_type() == "multipart/report":
        yield "mail_report"
    if _field(message, "auto-submitted").partition(";")[0].strip().lower() not in ("", "no"):
        yield "machine_sent"
    if _field(message, "return-path") == "<>":
        yield "wants_no_answer"
    if _field(message, "precedence").lower() in _NOT_PERSONAL:
        yield "not_personal"
    if lists and any(name in message for name in _LISTS):
        yield "mailing_list"
    if any(name in message for name in _ANSWERS):
        yield "absence"


def _field(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()
