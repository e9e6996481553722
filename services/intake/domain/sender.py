"""Whom an e-mail says it is from."""

from email.policy import default
from typing import Any

from services.intake.domain.events import Mail
from services.intake.domain.submission import Sender


def sender_of(mail: Mail) -> Sender:
    """The sender of a message as it was read."""
    return Sender(address_in(mail.sender), mail.authenticated)


def address_in(sender: str) -> str:
    """The one address that a From names (RFC 5322, 3.6.2); empty for none, several, or what cannot be read."""
    try:
        header: Any = default.header_factory("from", sender)
        found = [address.addr_spec for address in header.addresses]
    except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
        return ""
    return found[0] if len(found) == 1 and not header.defects else ""
