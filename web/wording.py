"""The pages' Malay names of kinds, channels and statuses; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Channel
from bmt.press.wording import KIND, STATUS

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

CHANNEL: Final[Mapping[Channel, str]] = {
    "email": "E-mel",
    "memo": "Memo",
    "letter": "Surat",
    "form": "Borang",
    "event": "Sistem agensi",
}

KINDS_OF_FILE: Final[Mapping[str, str]] = {
    "application/pdf": "PDF",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "text/plain": ".txt",
    "message/rfc822": ".eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
}
"""The names of document kinds, the same in both languages."""

__all__ = ("ALL", "CHANNEL", "KIND", "KINDS_OF_FILE", "STATUS", "TONE")

ALL: Final = (STATUS, KIND, CHANNEL)
