"""The console's Malay words; the catalogue has the English ones."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import About, Target
from bmt.contracts.http.approval import Choice, Withheld
from bmt.contracts.http.intake import InboxStatus
from bmt.contracts.http.notification import NoticeStatus
from bmt.contracts.http.provisioning import TaskFilter
from bmt.contracts.values import NotShownReason, RequestWarning
from web import wording as every_page

CHANNEL, KIND = every_page.CHANNEL, every_page.KIND
STATUS, TONE = every_page.STATUS, every_page.TONE
STEP_LABEL, STEP_STATE = every_page.STEP_LABEL, every_page.STEP_STATE
WAITS_FOR = every_page.WAITS_FOR

WARNING: Final[Mapping[RequestWarning, str]] = {
    "not_registered": "Akaun ini tiada dalam direktori. Pastikan pemohon telah berdaftar.",
    "not_serving": "Akaun ini tidak aktif. Pastikan pemohon masih berkhidmat.",
    "directory_unavailable": "Direktori tidak dapat disemak ketika permohonan diterima.",
    "no_active_service": "Akaun ini tidak mempunyai perkhidmatan BMT yang aktif untuk ditamatkan.",
    "already_active": "Akaun ini sudah mempunyai perkhidmatan BMT yang aktif.",
    "open_request_exists": "Akaun ini mempunyai permohonan lain yang belum selesai.",
    "agency_unknown": "Tiada agensi yang mengaku akaun ini. Pastikan pemohon berkhidmat di agensi anda.",
    "email_differs_from_directory": "Alamat e-mel pemohon bukan alamat dalam direktori. Pastikan pemohon sendiri yang memohon; makluman dihantar ke kedua-dua alamat.",
    "sender_differs": "Pengirim e-mel ini bukan pemohon. Pastikan pemohon sendiri yang memohon.",
    "sender_not_authenticated": "Pengirim e-mel ini tidak dapat disahkan oleh pelayan mel. Pastikan pemohon sendiri yang memohon.",
}
"""What an administrator considers before approving."""

NOT_SHOWN: Final[Mapping[NotShownReason, str]] = {
    "cannot_be_shown": "disimpan, tetapi tidak dapat dipaparkan di sini; muat turun untuk membukanya.",
    "would_run": "program, laman web atau makro; ada dalam mesej asal sahaja.",
    "empty": "kosong.",
    "too_many": "lampiran terlalu banyak; ada dalam mesej asal sahaja.",
}
"""Why an attachment is not shown beside the fields."""

CHOICE: Final[Mapping[Choice, str]] = {
    "approve": "Luluskan",
    "reject": "Tolak",
    "return": "Kembalikan untuk pembetulan",
}

INBOX: Final[Mapping[InboxStatus, str]] = {
    "waiting": "Menunggu",
    "registered": "Didaftarkan",
    "dismissed": "Diketepikan",
    "set_aside": "Ditapis oleh sistem",
}

TASK: Final[Mapping[TaskFilter, str]] = {
    "open": "Menunggu",
    "claimed": "Telah diambil",
    "done": "Selesai",
}

APPLICANT: Final[Mapping[str, str]] = {"name": "Nama", "account": "Akaun", "email": "E-mel"}
"""The fields of an applicant, in the form's order."""

LABEL: Final[Mapping[str, str]] = {
    "decision": "Keputusan",
    "reason": "Sebab",
    "kind": "Jenis",
    "correction_reason": "Sebab pembetulan",
    **APPLICANT,
    "justification": "Justifikasi",
    "quota_bytes": "Kuota",
    "max_file_size_bytes": "Saiz fail terbesar",
    "channel": "Diterima melalui",
    "reply_through": "Maklum balas melalui",
    "attached": "Lampiran",
    "evidence": "Bukti",
    "note": "Catatan",
    "retry_reason": "Sebab",
    "text": "Minit baharu",
    "scan": "Fail imbasan",
    "exception_reason": "Sebab diluluskan walaupun ada amaran",
    "on_behalf_of": "Bertindak bagi pihak",
}
"""The labels of the forms' fields, in their order."""

CHANGED: Final[Mapping[str, str]] = {
    **{name: LABEL[name] for name in ("name", "account", "email", "justification", "channel")},
    "reply_through": LABEL["reply_through"],
    "quota_bytes": "Kuota dipohon",
    "max_file_size_bytes": "Saiz fail terbesar dipohon",
    "documents": "Dokumen",
}
"""What a correction may change."""

SETTING: Final[Mapping[str, str]] = {
    "bmt_enabled": "Perkhidmatan BMT",
    "enabled": "Storan pemindahan",
    "quota_bytes": "Kuota storan",
    "max_file_size_bytes": "Saiz fail terbesar",
}
"""What is set in IPMS and in the transfer storage."""

NOTICE: Final[Mapping[NoticeStatus, str]] = {
    "prepared": "Untuk diserahkan atau dihantar",
    "failed": "Tidak sampai",
    "notified": "Telah dimaklumkan",
}

ABOUT: Final[Mapping[About, str]] = {
    "acknowledgement": "Akuan terima",
    "approved": "Diluluskan",
    "rejected": "Ditolak",
    "returned": "Dikembalikan untuk pembetulan",
    "withdrawn": "Ditarik balik",
    "configured": "Perkhidmatan diaktifkan",
    "terminated": "Perkhidmatan ditamatkan",
}

TONGUE: Final[Mapping[str, str]] = {"malay": "Bahasa Melayu", "english": "Bahasa Inggeris"}

PART: Final[Mapping[str, str]] = {
    "opening": "Perenggan pembuka",
    "onward": "Perenggan seterusnya (baris kosong antara perenggan)",
    "closing": "Penutup (sebaris demi sebaris)",
    "signatory": "Penandatangan (kosong: seperti asal)",
}

SHEETS: Final = (
    ("application", "form", "Borang permohonan"),
    ("termination", "form", "Borang penamatan"),
    ("cover-memo", "memo", "Helaian pengasing memo"),
    ("cover-letter", "letter", "Helaian pengasing surat"),
)
"""What can be printed: kind, channel, name."""

SHEET: Final[Mapping[str, str]] = {kind: name for kind, _, name in SHEETS}

SWITCH: Final[Mapping[bool, str]] = {True: "aktif", False: "tidak aktif"}

TARGET: Final[Mapping[Target, str]] = {"ipms": "IPMS", "storage": "Storan pemindahan"}

YES: Final[Mapping[bool, str]] = {True: "Ya", False: "Tidak"}

WARNED: Final[Mapping[str, str]] = {"no": "Tanpa amaran", "yes": "Dengan amaran"}

DUE: Final[Mapping[str, str]] = {"late": "Lewat", "today": "Sebelum hari ini berakhir"}

FILTERS: Final = (
    ("kind", "Jenis", KIND),
    ("channel", "Saluran", CHANNEL),
    ("warned", "Amaran", WARNED),
    ("due", "Putuskan sebelum", DUE),
)
"""The worklist's filters: field, label, choices."""

TAB: Final[Mapping[str, str]] = {
    "": "Untuk diputuskan",
    "inbox": "Peti masuk",
    "tasks": "Tugasan IPMS",
    "papers": "Untuk diserahkan",
    "failures": "Kegagalan",
    "done": "Dibuat oleh saya",
}
"""The lists of work, by their paths."""

WARNING_LABEL: Final[Mapping[RequestWarning, str]] = {
    "not_registered": "Tiada dalam direktori",
    "not_serving": "Akaun tidak aktif",
    "directory_unavailable": "Direktori tidak disemak",
    "no_active_service": "Tiada BMT aktif",
    "already_active": "BMT sudah aktif",
    "open_request_exists": "Ada permohonan lain",
    "agency_unknown": "Agensi tidak pasti",
    "email_differs_from_directory": "E-mel berlainan",
    "sender_differs": "Pengirim lain",
    "sender_not_authenticated": "Pengirim tidak disahkan",
}
"""The same as WARNING in a line of a list."""

WITHHELD: Final[Mapping[Withheld, str]] = {
    "own_request": "Milik anda",
    "approved_before": "Telah anda luluskan",
    "registrar": "Anda mendaftarkannya",
}
"""Why a request does not wait for the visitor."""

EXPORTED: Final = (
    *("Putuskan sebelum", "Diterima pada", "Nama", "Akaun", "E-mel"),
    *("Jenis", "Saluran", "Kuota", "Amaran", "Rujukan"),
)
"""The columns of the exported list."""

DECIDED: Final[Mapping[Choice, str]] = {
    "approve": "Diluluskan",
    "reject": "Ditolak",
    "return": "Dikembalikan untuk pembetulan",
}
"""A decision that stands."""

WHY_NOT: Final[Mapping[Withheld, str]] = {
    "own_request": "Permohonan ini milik anda sendiri. Pentadbir lain hendaklah memutuskannya.",
    "approved_before": "Anda telah meluluskan permohonan ini. Kelulusan seterusnya hendaklah diberikan oleh pentadbir lain; anda masih boleh menolak atau mengembalikannya.",
    "registrar": "Anda sendiri yang mendaftarkan permohonan ini. Di agensi anda, pentadbir lain hendaklah meluluskannya; anda masih boleh menolak atau mengembalikannya.",
}
"""Why a visitor may not decide, or not approve."""

LATER: Final[Mapping[str, str]] = {
    "withdrawal_requested": "Penarikan balik dipohon",
    "configuring": "Konfigurasi dimulakan",
    "awaiting_operator": "Menunggu pegawai menetapkannya di IPMS",
    "configured": "Dikonfigurasi",
    "configuration_failed": "Konfigurasi gagal",
    "acknowledged": "Akuan terima dihantar",
    "notification_prepared": "Makluman disediakan",
    "notified": "Pemohon dimaklumkan",
    "notification_failed": "Makluman tidak sampai",
    "filed": "Difailkan",
}
"""What other services do with a request."""

ALL: Final = (
    WARNING,
    NOT_SHOWN,
    CHOICE,
    INBOX,
    TASK,
    APPLICANT,
    LABEL,
    CHANGED,
    SETTING,
    NOTICE,
    ABOUT,
    TONGUE,
    PART,
    SHEET,
    SWITCH,
    TARGET,
    YES,
    WARNED,
    DUE,
    TAB,
    WARNING_LABEL,
    WITHHELD,
    {name: name for name in EXPORTED},
    DECIDED,
    WHY_NOT,
    LATER,
)
