"""What the pages call things, in Malay; the catalogue has the English words.

The terms are those of the file's paper (`bundle/templates`) and of the report's (`conformance/templates`).
"""

from collections.abc import Mapping
from typing import Final

from bmt.pages.wording import CHANNEL, KIND, STATUS, TONE

EVENT: Final[Mapping[str, str]] = {
    "RequestReceived": "Permohonan diterima",
    "RequestCorrected": "Permohonan dibetulkan",
    "WithdrawalRequested": "Penarikan balik dipohon",
    "ReviewOpened": "Semakan dibuka",
    "Approved": "Diluluskan",
    "Rejected": "Ditolak",
    "ReturnedForCorrection": "Dikembalikan untuk pembetulan",
    "Withdrawn": "Ditarik balik",
    "ConfigurationStarted": "Konfigurasi dimulakan",
    "AwaitingOperator": "Menunggu operator",
    "Configured": "Dikonfigurasi",
    "ConfigurationFailed": "Konfigurasi gagal",
    "NotificationPrepared": "Makluman disediakan",
    "Notified": "Pengguna dimaklumkan",
    "NotificationFailed": "Makluman gagal",
    "PersonalDataDisposedOf": "Data peribadi dilupuskan",
}
"""Each event that a file may hold, without its version."""

ABOUT: Final[Mapping[str, str]] = {
    "acknowledgement": "akuan terima",
    "rejected": "penolakan",
    "returned": "pengembalian",
    "withdrawn": "penarikan balik",
    "configured": "kelulusan",
    "terminated": "penamatan",
}
"""What a notice was about."""

REASON_MISSING: Final[Mapping[str, str]] = {
    "not_stored": "belum diterima oleh sistem",
    "content_differs": "kandungannya berbeza daripada yang dinamakan",
    "pending": "sedang diambil",
}
"""Why a document is not filed yet."""

DEVIATION: Final[Mapping[str, str]] = {
    "decision_overdue": "Keputusan belum dibuat walaupun tarikh telah lepas",
    "decision_late": "Keputusan lewat",
    "configuration_overdue": "Konfigurasi belum dibuat walaupun tarikh telah lepas",
    "configuration_late": "Konfigurasi lewat",
    "configuration_failed": "Konfigurasi gagal",
    "notice_overdue": "Pengguna belum dimaklumkan walaupun tarikh telah lepas",
    "notice_late": "Makluman lewat",
    "out_of_order": "Langkah tidak mengikut turutan",
    "decided_own_request": "Keputusan ke atas permohonan sendiri",
    "decided_without_role": "Keputusan oleh bukan pentadbir",
    "approver_configured": "Pelulus membuat konfigurasi sendiri",
    "warnings_not_explained": "Diluluskan tanpa menjelaskan amaran",
    "document_missing": "Dokumen tidak difailkan",
    "not_filed": "Fail tidak lengkap selepas makluman",
    "record_unreadable": "Rekod tidak boleh dibaca",
}
"""What the report finds wrong."""

TARGET: Final[Mapping[str, str]] = {"ipms": "IPMS", "storage": "Storan pemindahan"}
"""What is configured."""

__all__ = (
    "ABOUT",
    "ALL",
    "CHANNEL",
    "DEVIATION",
    "EVENT",
    "KIND",
    "REASON_MISSING",
    "STATUS",
    "TARGET",
    "TONE",
)

ALL: Final = (EVENT, ABOUT, REASON_MISSING, DEVIATION, TARGET)
