"""The words of the applicants' pages in Malay; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

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
)

OFFICER: Final = "pentadbir agensi"
"""An officer whose name is not known here."""

WAITS_FOR: Final[Mapping[str, str]] = {
    **wording.WAITS_FOR,
    "correction": "pembetulan daripada anda",
}
"""As all pages have it, to the applicant."""

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

ALL: Final = (LABEL, FIELD, WAITS_FOR, {"": OFFICER})
