"""What the console calls things, in Malay; the catalogue has the English words."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.http.approval import Choice
from bmt.contracts.values import RequestWarning
from bmt.pages.wording import CHANNEL, KIND, STATUS, TONE

__all__ = ("ALL", "CHANNEL", "CHOICE", "FAULT", "KIND", "STATUS", "TONE", "WARNING")

WARNING: Final[Mapping[RequestWarning, str]] = {
    "not_registered": "Akaun ini tiada dalam direktori. Pastikan pemohon telah berdaftar.",
    "not_serving": "Akaun ini tidak aktif. Pastikan pemohon masih berkhidmat.",
    "directory_unavailable": "Direktori tidak dapat disemak ketika permohonan diterima.",
    "no_active_service": "Akaun ini tidak mempunyai perkhidmatan BMT yang aktif untuk ditamatkan.",
    "already_active": "Akaun ini sudah mempunyai perkhidmatan BMT yang aktif.",
    "open_request_exists": "Akaun ini mempunyai permohonan lain yang belum selesai.",
}
"""What an administrator weighs before approving."""

CHOICE: Final[Mapping[Choice, str]] = {
    "approve": "Luluskan",
    "reject": "Tolak",
    "return": "Kembalikan untuk pembetulan",
}

FAULT: Final[Mapping[str, str]] = {
    "already_decided": "Permohonan ini telah diputuskan. Keputusan yang berkuat kuasa ditunjukkan di bawah.",
    "request_closed": "Permohonan ini telah ditarik balik sebelum diputuskan.",
    "own_request": "Permohonan ini milik anda sendiri. Pentadbir lain hendaklah memutuskannya.",
    "warnings_need_reason": "Permohonan ini mempunyai amaran. Nyatakan sebab ia diluluskan juga.",
    "quota_exceeds_maximum": "Kuota melebihi had agensi.",
    "validation_failed": "Ada yang perlu dibetulkan.",
    "idempotency_key_reused": "Borang ini telah dihantar sebelum ini dengan isi yang lain. Semak keadaan permohonan di bawah.",
    "not_found": "Permohonan ini tidak dijumpai.",
}
"""Why a decision was not taken, by the problem's name."""

ALL: Final = (WARNING, CHOICE, FAULT)
