"""What a mail system's report tells of the message that it is about (RFC 3464, and before it)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

MOST_IDS: Final = 100
_MOST_CHARACTERS: Final = 1024 * 1024
_REPORTED: Final = re.compile(
    r"^[> \t]{0,8}message-id:[ \t]{0,8}(?:\r?\n[> \t]{1,8})?(<[^<>\s]{1,250}>)",
    re.IGNORECASE | re.MULTILINE,
)
_ACTION: Final = re.compile(r"^action:[ \t]{0,8}([a-z]{1,20})", re.IGNORECASE | re.MULTILINE)
_POSTMASTER: Final = re.compile(r"(?:^|[<\s\"])(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_FAILURE: Final = re.compile(
    r"undeliver|returned mail|failure notice|delivery (?:status|failure|has failed)|mail delivery",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What stands in a message about another one.

    Attributes:
        is_delivery_status: it says so itself (RFC 3464).
        actions: what became of the recipients, in lower case: `failed`, `delayed`, `delivered`, ...
        from_mail_system: by its sender or subject, as reports were before RFC 3464.
        message_ids: of messages that its body quotes the header of, in order.
    """

    is_delivery_status: bool = False
    actions: tuple[str, ...] = ()
    from_mail_system: bool = False
    message_ids: tuple[str, ...] = ()


def report_of(message: EmailMessage, parts: Iterable[Any]) -> Report:
    """What the message reports; `parts` are its leaves."""
    texts = [_text(part) for part in parts]
    sender, subject = (str(message.get(name, "")) for name in ("from", "subject"))
    ids = (found for text in texts for found in _REPORTED.findall(text))
    return Report(
        is_delivery_status=_is_delivery_status(message),
        actions=tuple({action.lower(): None for t in texts for action in _ACTION.findall(t)}),
        from_mail_system="x-failed-recipients" in message
        or bool(_POSTMASTER.search(sender) or _FAILURE.search(subject)),
        message_ids=tuple(dict.fromkeys(ids))[:MOST_IDS],
    )


def _is_delivery_status(message: EmailMessage) -> bool:
    kind = str(message.get_param("report-type", "")).lower()
    return message.get_content_type() == "multipart/report" and kind in ("delivery-status", "")


def _text(part: Any) -> str:
    """What the part says, its own header left out; a message within it with that one's header."""
    if part.is_multipart():
        within = b"\n".join(bytes(each) for each in part.get_payload())
    else:
        within = part.get_payload(decode=True) or b""
    return str(within[:_MOST_CHARACTERS], "utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that could not be delivered.

    Attributes:
        message_id: of the notice of ours; None where the report does not name what it is about.
    """

    message_id: str | None


def undelivered(report: Report, is_ours: Callable[[str], bool]) -> Undelivered | None:
    """The notice of ours that a machine's report says was not delivered, if it is about one.

    A report that names no message may be about ours, and so is taken for it.
    """
    if not (report.is_delivery_status or report.from_mail_system):
        return None
    if report.actions and "failed" not in report.actions:
        return None
    ours = next((each for each in report.message_ids if is_ours(each)), None)
    if ours is None and (report.message_ids or not report.is_delivery_status):
        return None
    return Undelivered(ours)
