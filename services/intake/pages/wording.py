"""The words of the users' pages in Malay; the catalogue has the English ones."""

from collections.abc import Mapping, Sequence
from typing import Final

from bmt.contracts.values import Status
from web.wording import CHANNEL, KIND, STATUS, TONE

__all__ = (
    "AHEAD",
    "ALL",
    "CHANNEL",
    "FIELD",
    "KIND",
    "LABEL",
    "NEXT",
    "NEXT_IN_PUBLIC",
    "STAGE",
    "STATUS",
    "STEP",
    "TONE",
)

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

LABEL: Final[Mapping[str, str]] = {
    "agency": "Agensi",
    "applicant": "Pemohon",
    "channel": "Saluran",
    "correction_reason": "Sebab pembetulan",
    "justification": "Justifikasi",
    "quota_bytes": "Kuota (GB)",
    "max_file_size_bytes": "Saiz fail terbesar (GB)",
    "reply_through": "Maklumkan keputusan melalui",
    "documents": "Lampiran",
}
"""The labels of the form's fields, in order."""

FIELD: Final[Mapping[str, str]] = {
    "justification": "Nyatakan justifikasi: mengapa perkhidmatan ini diperlukan atau ditamatkan.",
    "reply_through": "Pilih satu cara maklum balas yang dibenarkan oleh agensi.",
    "agency": "Akaun anda tidak dikaitkan dengan agensi yang menggunakan perkhidmatan ini.",
    "applicant": "Butiran akaun anda tidak lengkap. Hubungi pentadbir agensi.",
    "channel": "Agensi anda tidak menerima permohonan melalui borang ini.",
    "reason": "Nyatakan sebabnya.",
}
"""What a field needs, if the fault's own sentence does not say so."""

ALL: Final = (STEP, NEXT, NEXT_IN_PUBLIC, STAGE, LABEL, FIELD)
