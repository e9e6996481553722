"""The words of the applicants' pages in Malay; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import RequestWarning
from web import wording
from web.wording import (
    CHANNEL,
    DUE,
    KIND,
    KINDS_OF_FILE,
    NEXT,
    STATUS,
    STEP,
    STEP_LABEL,
    STEP_STATE,
    TONE,
)

__all__ = (
    "ALL",
    "CHANNEL",
    "DUE",
    "FIELD",
    "KIND",
    "KINDS_OF_FILE",
    "LABEL",
    "NEXT",
    "OFFICER",
    "STATUS",
    "STEP",
    "STEP_LABEL",
    "STEP_STATE",
    "TONE",
    "WAITS_FOR",
    "WARNING",
    "WEIGHED",
)

OFFICER: Final = "pentadbir agensi"
"""An officer whose name is not known here."""

WAITS_FOR: Final[Mapping[str, str]] = {
    **wording.WAITS_FOR,
    "correction": "pembetulan daripada anda",
}
"""As all pages have it, to the applicant."""

WARNING: Final[Mapping[RequestWarning, str]] = {
    "not_registered": "Akaun anda tiada dalam direktori. Minta pentadbir agensi mendaftarkannya: tanpa pendaftaran, permohonan ini tidak dapat dilaksanakan.",
    "not_serving": "Akaun anda tidak aktif dalam direktori. Jika anda masih berkhidmat, minta pentadbir agensi mengaktifkannya.",
    "no_active_service": "Anda tiada perkhidmatan BMT yang aktif untuk ditamatkan. Jika anda tersilap, tarik balik permohonan ini.",
    "already_active": "Anda sudah mempunyai perkhidmatan BMT yang aktif. Jika anda mahu saiz yang lain, nyatakan dalam justifikasi; jika tidak, tarik balik permohonan ini.",
    "open_request_exists": "Anda mempunyai permohonan lain yang belum selesai. Tarik balik yang tidak diperlukan lagi.",
    "agency_unknown": "Tiada agensi yang mengaku akaun anda. Sahkan dengan pentadbir agensi bahawa anda berkhidmat di sana.",
    "email_differs_from_directory": "Alamat e-mel yang dinyatakan bukan alamat dalam direktori; makluman dihantar ke kedua-duanya. Minta pentadbir agensi membetulkan yang salah.",
    "sender_differs": "Permohonan ini datang dengan e-mel orang lain. Jika bukan kehendak anda, tarik balik permohonan ini.",
    "sender_not_authenticated": "Pengirim e-mel yang membawa permohonan ini tidak dapat disahkan. Jika bukan anda yang menghantarnya, tarik balik permohonan ini.",
}
"""What an administrator weighs, to the applicant: those about which something can be done."""

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
    "reason": "Sebab",
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

WEIGHED: Final = "Permohonan anda sedang menunggu keputusan pentadbir agensi. Baca dahulu apa yang boleh anda buat di bawah."
"""In the place of `NEXT`, where an administrator weighs something."""

ALL: Final = (LABEL, FIELD, WAITS_FOR, WARNING, {"": OFFICER, "weighed": WEIGHED})
