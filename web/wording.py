"""The pages' Malay names of values, and how statuses look; the catalogue has the English names."""

from collections.abc import Mapping
from typing import Final

from bmt.wording.names import CHANNEL, KIND, KINDS_OF_FILE, STATUS

__all__ = ("ALL", "CHANNEL", "KIND", "KINDS_OF_FILE", "STATUS", "TONE")

TONE: Final[Mapping[str, str]] = {
    "approved": "good",
    "filed": "good",
    "notified": "good",
    "rejected": "bad",
    "configuration_failed": "bad",
    "received": "wait",
    "returned": "wait",
    "awaiting_operator": "wait",
}
"""The style of a status in the stylesheet."""

ALL: Final = (STATUS, KIND, CHANNEL)
