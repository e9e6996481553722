"""Telling the notices that this system sent from all other messages, by their Message-IDs."""

import re
from dataclasses import dataclass
from typing import Final

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class OwnNotices:
    """Notification names each notice `<event id>@<domain of its sender>`.

    Attributes:
        domain: the domain of notification's sender.
    """

    domain: str

    def __call__(self, message_id: str) -> bool:
        """Whether a notice of ours has this Message-ID (in angle brackets).

        People's mail programs in the same domain may use UUIDs too: the letters' case differs there
        (Apple's are in capitals).
        """
        return re.fullmatch(f"<{_UUID}@{re.escape(self.domain)}>", message_id) is not None
