"""The pages' words in Malay, with the terms of the papers. The catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from web.wording import CHANNEL, KIND, STATUS, STEP_LABEL, STEP_STATE, TONE, WAITS_FOR

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
    "ConfirmationDue": "Pengesahan pemberian diminta",
    "GrantConfirmed": "Pemberian disahkan",
    "TerminationProposed": "Penamatan dicadangkan",
    "ConfirmationsAwaited": "Pejabat diingatkan tentang pengesahan",
    "PersonalDataDisposedOf": "Data peribadi dilupuskan",
}
"""The events of a file, without their versions."""

ABOUT: Final[Mapping[str, str]] = {
    "acknowledgement": "akuan terima",
    "approved": "konfigurasi tertangguh",
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
"""The deviations in a report."""

FINDING: Final[Mapping[str, str]] = {
    "archive_malformed": "Arkib bukan dalam bentuk yang dijangka",
    "name_not_allowed": "Satu nama fail tiada tempat dalam arkib ini",
    "file_missing": "Fail tiada",
    "file_not_listed": "Fail tidak disenaraikan dalam manifes",
    "file_changed": "Kandungan fail telah berubah",
    "order_differs": "Susunan fail berbeza daripada manifes",
    "manifest_malformed": "Manifes tidak dapat dibaca",
    "manifest_signature": "Tandatangan manifes tidak sah",
    "checkpoint_origin": "Titik semak milik lejar lain",
    "checkpoint_signature": "Tandatangan titik semak tidak sah",
    "checkpoint_differs": "Titik semak berbeza",
    "malformed": "Tidak dapat dibaca",
    "chain_gap": "Satu peristiwa tiada dalam rantaian",
    "chain_broken": "Satu peristiwa tidak menyambung yang sebelumnya",
    "request_differs": "Peristiwa ini tentang permohonan lain",
    "disclosure_wrong": "Nilai peribadi bukan yang dikomitkan",
    "proof_wrong": "Bukti tidak sampai ke pokok yang ditandatangani",
    "order_wrong": "Peristiwa berada sebelum yang mendahuluinya",
    "document_not_filed": "Dokumen dinamakan tetapi tidak difailkan",
    "document_missing": "Dokumen tidak dapat difailkan ketika eksport",
    "document_changed": "Dokumen bukan seperti ketika difailkan",
    "folio_number": "Nombor folio tidak mengikut turutan",
    "folio_unknown": "Folio bukan dokumen peristiwa yang dinamakan",
}
"""What a verification finds wrong."""
ANY_FINDING: Final = "Tidak sepadan"

WARNING: Final[Mapping[str, str]] = {
    "not_registered": "Amaran: akaun tiada dalam direktori",
    "not_serving": "Amaran: akaun tidak aktif",
    "directory_unavailable": "Amaran: direktori tidak dapat disemak",
    "no_active_service": "Amaran: tiada perkhidmatan aktif",
    "already_active": "Amaran: perkhidmatan sudah aktif",
    "open_request_exists": "Amaran: ada permohonan lain yang belum selesai",
    "agency_unknown": "Amaran: tiada agensi yang mengaku akaun ini",
    "email_differs_from_directory": "Amaran: alamat e-mel bukan alamat dalam direktori",
    "sender_differs": "Amaran: pengirim e-mel bukan pemohon",
    "sender_not_authenticated": "Amaran: pengirim e-mel tidak dapat disahkan",
}
"""What an approver had to weigh."""

TARGET: Final[Mapping[str, str]] = {"ipms": "IPMS", "storage": "Storan pemindahan"}
"""What is configured."""

ROLE: Final[Mapping[str | None, str]] = {
    "applicant": "pemohon",
    "administrator": "pentadbir agensi",
    "operator": "operator",
}
"""Who did something, where the file knows no name."""

__all__ = (
    "ABOUT",
    "ALL",
    "ANY_FINDING",
    "CHANNEL",
    "DEVIATION",
    "EVENT",
    "FINDING",
    "KIND",
    "REASON_MISSING",
    "ROLE",
    "STATUS",
    "STEP_LABEL",
    "STEP_STATE",
    "TARGET",
    "TONE",
    "WAITS_FOR",
    "WARNING",
)

ALL: Final = (
    EVENT,
    ABOUT,
    REASON_MISSING,
    DEVIATION,
    FINDING,
    {"": ANY_FINDING},
    TARGET,
    WARNING,
    ROLE,
)
