"""The words of the public page in Malay; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Status
from web.wording import (
    CHANNEL,
    DUE,
    KIND,
    NEXT,
    STATUS,
    STEP,
    STEP_LABEL,
    STEP_STATE,
    WAITS_FOR,
)

__all__ = (
    "ALL",
    "CHANNEL",
    "DUE",
    "KIND",
    "NEXT_IN_PUBLIC",
    "STATUS",
    "STEP",
    "STEP_LABEL",
    "STEP_STATE",
    "WAITS_FOR",
)

NEXT_IN_PUBLIC: Final[Mapping[Status, str]] = {
    "received": NEXT["received"],
    "returned": "Permohonan anda perlu dibetulkan. Sebabnya ada dalam makluman yang dihantar kepada anda; log masuk untuk membetulkannya, atau hubungi pentadbir agensi.",
    "approved": NEXT["approved"],
    "rejected": "Permohonan anda telah ditolak. Sebabnya ada dalam makluman yang dihantar kepada anda.",
    "withdrawn": NEXT["withdrawn"],
    "configuring": NEXT["configuring"],
    "awaiting_operator": NEXT["awaiting_operator"],
    "configured": NEXT["configured"],
    "configuration_failed": NEXT["configuration_failed"],
    "notified": NEXT["notified"],
    "filed": NEXT["filed"],
}
"""The same without reasons, which may mention a person."""

ALL: Final = (NEXT_IN_PUBLIC,)
