"""The pages' Malay names of values, and how statuses look; the catalogue has the English names."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Status
from bmt.wording.names import CHANNEL, KIND, KINDS_OF_FILE, STATUS

__all__ = ("ALL", "CHANNEL", "KIND", "KINDS_OF_FILE", "NEXT", "STATUS", "STEP", "TONE")

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

STEP: Final[Mapping[str, str]] = {
    "received": "Permohonan diterima",
    "corrected": "Pembetulan direkodkan",
    "review_opened": "Diserahkan kepada pentadbir",
    "returned": "Dikembalikan untuk pembetulan",
    "approved": "Diluluskan",
    "rejected": "Ditolak",
    "withdrawal_requested": "Penarikan balik dipohon",
    "withdrawn": "Ditarik balik",
    "configuring": "Konfigurasi dimulakan",
    "awaiting_operator": "Menunggu operator",
    "configured": "Perkhidmatan dikonfigurasi",
    "configuration_failed": "Konfigurasi gagal",
    "acknowledged": "Akuan terima dihantar",
    "notification_prepared": "Makluman disediakan",
    "notified": "Makluman dihantar kepada anda",
    "notification_failed": "Makluman tidak dapat dihantar",
    "filed": "Permohonan selesai dan difailkan",
}
"""Steps, as the applicant reads them."""

NEXT: Final[Mapping[Status, str]] = {
    "received": "Permohonan anda sedang menunggu keputusan pentadbir agensi. Anda tidak perlu berbuat apa-apa.",
    "returned": "Permohonan anda perlu dibetulkan. Baca sebabnya di bawah, betulkan dan hantar semula.",
    "approved": "Permohonan anda telah diluluskan dan akan dikonfigurasi.",
    "rejected": "Permohonan anda telah ditolak. Sebabnya dinyatakan di bawah.",
    "withdrawn": "Permohonan anda telah ditarik balik.",
    "configuring": "Perkhidmatan anda sedang dikonfigurasi.",
    "awaiting_operator": "Perkhidmatan anda sedang dikonfigurasi oleh operator.",
    "configured": "Perkhidmatan anda telah dikonfigurasi. Makluman akan dihantar kepada anda.",
    "configuration_failed": "Konfigurasi belum berjaya. Pentadbir agensi perlu membaiki puncanya dan mencuba semula. Anda boleh menghubungi pentadbir agensi anda.",
    "notified": "Permohonan anda telah selesai dan anda telah dimaklumkan.",
    "filed": "Permohonan anda telah selesai.",
}
"""What each status means for the applicant, and what comes next."""

ALL: Final = (STATUS, KIND, CHANNEL, STEP, NEXT)
