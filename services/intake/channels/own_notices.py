"""Telling the notices that this system sent from all other messages, by their Message-IDs."""

import re
from dataclasses import dataclass
from typing import Final

_OURS: Final = re.compile(
    r"<[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:\.[a-z]{1,20}){0,2}"
)


@dataclass(frozen=True, slots=True)
class OwnNotices:
    """Notification names each notice `<event id>@<domain of its sender>`, a reminder `<request id>.<step>.<level>@…`.

    Attributes:
        sender: the address that notification sends from.
    """

    sender: str

    def __call__(self, message_id: str) -> bool:
        """Whether a notice of ours has this Message-ID (in angle brackets).

        Ours are UUIDs of version 7 (RFC 9562). People's mail programs in the same domain may use UUIDs too:
        random ones (version 4), or in capitals.
        """
        name, at, domain = message_id.partition("@")
        own = f"{self.sender.rpartition('@')[2]}>"
        return bool(at) and domain == own and _OURS.fullmatch(name) is not None
