"""The words of the applicants' pages in Malay; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from web.wording import (
    CHANNEL,
    KIND,
    NEXT,
    STATUS,
    STEP,
    STEP_LABEL,
    STEP_STATE,
    TONE,
    WAITS_FOR,
)

__all__ = (
    "ALL",
    "CHANNEL",
    "FIELD",
    "KIND",
    "LABEL",
    "NEXT",
    "STATUS",
    "STEP",
    "STEP_LABEL",
    "STEP_STATE",
    "TONE",
    "WAITS_FOR",
)

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

ALL: Final = (LABEL, FIELD)
