"""Whom a mail system's report says that a message did not reach, by `flufl.bounce`: it knows how some twenty of them write.

It looks at every line of every part as it stands, encoded or not, and at a long one for a long time. So it is
given the report's own words alone: its header, and the beginnings of its texts, decoded.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage, Message
from typing import Any, Final

from flufl.bounce import all_failures

logging.getLogger("flufl.bounce").setLevel(
    logging.CRITICAL
)  # it logs what it meets, with addresses

_HEADERS: Final = ("from", "subject", "x-failed-recipients")
_MOST_LINES: Final = 400
_LONGEST_LINE: Final = 400
_MOST_TEXTS: Final = 6
_ADDRESS: Final = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,190}")


@dataclass(frozen=True, slots=True)
class FailedRecipients:
    """The addresses of those that failed for good, and of those that are tried again."""

    failed: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()


def failed_recipients(
    message: EmailMessage, texts: Sequence[str], statuses: Sequence[Any]
) -> FailedRecipients:
    """What the report tells; never raises. `statuses` are its parts of the type message/delivery-status."""
    try:
        delayed, failed = all_failures(_short(message, texts, statuses))
    except Exception:  # noqa: BLE001  the library's detectors fail on what they do not expect
        return FailedRecipients()
    return FailedRecipients(_addresses(failed), _addresses(delayed))


def _short(message: EmailMessage, texts: Sequence[str], statuses: Sequence[Any]) -> Message:
    short = Message()
    for name in _HEADERS:
        if name in message:
            short[name] = str(message[name])[:_LONGEST_LINE].encode("ascii", "replace").decode()
    lines = [_lines(text) for text in texts[:_MOST_TEXTS]]
    if not message.is_multipart():
        short.set_payload("".join(lines))
        return short
    short["Content-Type"] = message.get_content_type()
    for text in lines:
        part = Message()
        part["Content-Type"] = "text/plain"
        part.set_payload(text)
        short.attach(part)
    for status in statuses:
        short.attach(status)
    return short


def _lines(text: str) -> str:
    lines = text.splitlines()[:_MOST_LINES]
    return "".join(f"{line[:_LONGEST_LINE]}\n" for line in lines)


def _addresses(found: frozenset[bytes]) -> tuple[str, ...]:
    told = (address.decode("ascii", "replace").strip() for address in found)
    return tuple(sorted(address for address in told if _ADDRESS.fullmatch(address)))
