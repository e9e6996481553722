"""The words of the public page in Malay; the catalogue has the English ones."""

from collections.abc import Mapping, Sequence
from typing import Final

from bmt.contracts.values import Status
from web.wording import NEXT, STATUS, STEP, TONE

__all__ = ("AHEAD", "ALL", "NEXT_IN_PUBLIC", "STAGE", "STATUS", "STEP", "TONE")

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

STAGE: Final[Mapping[str, str]] = {
    "correction": "Pembetulan anda",
    "decision": "Keputusan pentadbir agensi",
    "configuration": "Konfigurasi perkhidmatan",
    "notice": "Makluman kepada anda",
}
"""The stages to come."""

AHEAD: Final[Mapping[Status, Sequence[str]]] = {
    "received": ("decision", "configuration", "notice"),
    "returned": ("correction", "decision", "configuration", "notice"),
    "approved": ("configuration", "notice"),
    "configuring": ("configuration", "notice"),
    "awaiting_operator": ("configuration", "notice"),
    "configuration_failed": ("configuration", "notice"),
    "configured": ("notice",),
}
"""The remaining stages of each status; an ended request has none."""

ALL: Final = (NEXT_IN_PUBLIC, STAGE)
