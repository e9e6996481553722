"""The console's Malay words; the catalogue has the English ones."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from bmt.contracts.events import About, ConfirmationCause, Target
from bmt.contracts.http.approval import Choice, Withheld
from bmt.contracts.http.assignments import Whose
from bmt.contracts.http.intake import InboxStatus
from bmt.contracts.http.notification import NoticeStatus
from bmt.contracts.http.provisioning import ConfirmationStatus, ReportOutcome, TaskFilter
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

ACCOUNT_LIKE: Final = "alamat akaun, cth. nama@agensi.gov.my"
"""What an account looks like, beside each field that asks for one."""

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
    "superseded": "Tidak perlu lagi",
}

ABOUT: Final[Mapping[About, str]] = {
    "acknowledgement": "Akuan terima",
    "approved": "Diluluskan, konfigurasi tertangguh",
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

PART_NAME: Final[Mapping[str, str]] = {
    "opening": "Perenggan pembuka",
    "onward": "Perenggan seterusnya",
    "closing": "Penutup",
    "signatory": "Penandatangan",
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

LEVELS: Final[Mapping[int, str]] = {
    1: "Seorang pentadbir",
    2: "Dua pentadbir yang berlainan",
    3: "Tiga pentadbir yang berlainan",
}
"""How many must approve."""

OWN_RULE: Final[Mapping[str, str]] = {
    "quota_default": "Kuota biasa",
    "quota_maximum": "Kuota maksimum",
    "max_file_size_bytes": "Saiz fail terbesar",
    "decide": "Keputusan dalam",
    "configure": "Konfigurasi dalam",
    "notify": "Makluman dalam",
    "approval_levels": "Kelulusan yang diperlukan",
    "approver_may_configure": "Pelulus boleh membuat konfigurasi",
    "registrar_may_approve": "Pendaftar boleh meluluskan",
    "acting": "Bertindak bagi pihak",
    "closed_days": "Hari agensi ditutup",
    "reject": "Sebab menolak yang disediakan",
    "return": "Sebab mengembalikan yang disediakan",
    "exception": "Sebab pengecualian yang disediakan",
    "every_months": "Pemberian disahkan setiap (bulan; 0: tidak pernah)",
    "days_to_answer": "Hari untuk menjawab",
    "leavers": "Tanya tentang akaun yang tidak lagi aktif dalam direktori",
    "unanswered": "Cadangkan penamatan jika tidak disahkan dalam masanya",
}
"""The rules that the agency sets itself, in the form's order."""

RULE: Final[Mapping[str, str]] = {
    **OWN_RULE,
    "name": "Nama agensi",
    "in": "Permohonan diterima melalui",
    "out": "Maklum balas melalui",
    "state": "Negeri (hujung minggu dan cuti umum)",
    "ipms": "IPMS ditetapkan oleh",
    "storage": "Storan pemindahan",
    "accounts": "Akaun agensi",
    "drift": "Jika sistem sasaran menunjukkan yang lain",
    "webhooks": "Sistem yang dimaklumkan melalui HTTP (bilangan jenis peristiwa)",
    "paper_dispatch": "Kertas dikira diserahkan",
    "record_retention_years": "Rekod peribadi disimpan",
    "office_email": "Peringatan dihantar kepada",
    "escalation_email": "Kelewatan dilaporkan kepada",
    "remind_working_days_before": "Peringatan sebelum tarikh akhir",
}

APPOINTMENT: Final[Mapping[str, str]] = {
    "officer": "Akaun pegawai",
    "officer_name": "Nama pegawai",
    "on_behalf_of": "Bagi pihak",
    "from": "Dari",
    "until": "Hingga (termasuk)",
}
"""The fields of one acting officer."""

IPMS_BY: Final[Mapping[str, str]] = {
    "scim": "sistem (SCIM)",
    "worklist": "pegawai, daripada senarai tugasan",
}

RULE_UNIT: Final[Mapping[str, str]] = {
    "working_day": "hari bekerja",
    "years": "tahun selepas difailkan",
    "on_behalf_of": "bagi pihak",
}

DISPATCH: Final[Mapping[str, str]] = {
    "confirm": "apabila seorang pegawai mengesahkannya",
    "on-preparation": "apabila disediakan",
}

DRIFT_RULE: Final[Mapping[str, str]] = {
    "ask": "seorang pentadbir memutuskan",
    "correct": "ditetapkan semula dengan sendirinya",
}

CAUSE: Final[Mapping[ConfirmationCause, str]] = {
    "rule": "Peraturan agensi",
    "not_serving": "Akaun tidak aktif dalam direktori",
    "not_registered": "Tiada dalam direktori",
}
"""Why a grant is to be confirmed."""

ANSWERED: Final[Mapping[ConfirmationStatus, str]] = {
    "open": "Untuk dijawab",
    "confirmed": "Disahkan",
    "termination_proposed": "Penamatan dicadangkan",
    "superseded": "Permohonan lain menyusul",
}

WARNED: Final[Mapping[str, str]] = {"no": "Tanpa amaran", "yes": "Dengan amaran"}

DUE: Final[Mapping[str, str]] = {"late": "Lewat", "today": "Sebelum hari ini berakhir"}

LOOKING: Final = "{who} sedang membuka permohonan ini."
"""`{who}`: the names of colleagues."""

ASSIGNED: Final[Mapping[Whose, str]] = {"me": "Saya", "nobody": "Belum diambil"}

FILTERS: Final = (
    ("kind", "Jenis", KIND),
    ("channel", "Saluran", CHANNEL),
    ("warned", "Amaran", WARNED),
    ("due", "Putuskan sebelum", DUE),
    ("assigned", "Pegawai", ASSIGNED),
)
"""The worklist's filters: field, label, choices."""

TAB: Final[Mapping[str, str]] = {
    "": "Untuk diputuskan",
    "inbox": "Peti masuk",
    "tasks": "Tugasan IPMS",
    "papers": "Untuk diserahkan",
    "failures": "Kegagalan",
    "confirmations": "Pengesahan",
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

MAIL_LABEL: Final[Mapping[str, str]] = {
    "mail_no_such_address": "Alamat tidak diterima",
    "mail_box_closed": "Peti mel penuh",
    "mail_too_large": "Terlalu besar",
    "mail_not_allowed": "Tidak dibenarkan",
    "mail_put_off": "Terlalu lama ditangguhkan",
    "mail_refused": "Ditolak pelayan mel",
}
"""Why a notice did not arrive, in a line of a list; the codes have whole sentences."""

WITHHELD: Final[Mapping[Withheld, str]] = {
    "own_request": "Milik anda",
    "approved_before": "Telah anda luluskan",
    "registrar": "Anda mendaftarkannya",
}
"""Why a request does not wait for the visitor."""

REPORTED: Final[Mapping[ReportOutcome, str]] = {
    "completed": "Dilengkapkan.",
    "completed_before": "Telah dilengkapkan sebelum ini.",
    "failed": "Portal melaporkan kegagalan; tugasan kekal terbuka.",
    "differs": "Nilainya bukan yang diluluskan; tugasan kekal terbuka.",
    "unclear": "Hasilnya tidak dapat dibaca; tugasan kekal terbuka.",
    "repeated": "Tugasan ini dinamakan lebih daripada sekali; tiada apa-apa dibuat.",
    "unknown": "Tiada tugasan agensi ini yang bernama begitu.",
    "refused": "Tidak dibenarkan.",
}
"""What became of a line of the portal's report."""

EXPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "worklist": (
        *("Putuskan sebelum", "Diterima pada", "Nama", "Akaun", "E-mel"),
        *("Jenis", "Saluran", "Kuota", "Amaran", "Rujukan"),
    ),
    "done": ("Keadaan", "Sejak", "Nama", "Akaun", "E-mel", "Jenis", "Rujukan"),
    "inbox": ("Diterima pada", "Perkara", "Saluran", "Jenis", "Daripada", "Pemohon", "Pegawai"),
    "tasks": (
        *("Selesaikan sebelum", "Pemohon", "Akaun", "Jenis"),
        *("Pegawai", "Selesai", "Rujukan"),
    ),
    "papers": (
        *("Pemohon", "Kepada", "Tentang", "Saluran"),
        *("Sejak", "Pegawai", "Sebab", "Rujukan"),
    ),
    "failures": ("Perkara", "Pemohon", "Selesaikan sebelum", "Sistem", "Sebab", "Rujukan"),
}
"""The columns of a list as a file."""

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
    REPORTED,
    TASK,
    APPLICANT,
    LABEL,
    CHANGED,
    SETTING,
    NOTICE,
    ABOUT,
    TONGUE,
    PART,
    PART_NAME,
    SHEET,
    SWITCH,
    TARGET,
    YES,
    WARNED,
    DUE,
    ASSIGNED,
    TAB,
    WARNING_LABEL,
    MAIL_LABEL,
    WITHHELD,
    {name: name for name in (*chain(*EXPORTED.values()), LOOKING, ACCOUNT_LIKE)},
    DECIDED,
    WHY_NOT,
    LATER,
    {str(count): label for count, label in LEVELS.items()},
    RULE,
    APPOINTMENT,
    IPMS_BY,
    DISPATCH,
    DRIFT_RULE,
    CAUSE,
    ANSWERED,
    RULE_UNIT,
)


def label_of(field: str) -> str:
    """The label of a field of the rules' form; one of a row is named by its part."""
    part = field.rpartition("-")[2]
    if field.startswith("closed-"):
        return RULE["closed_days"]
    more = {"in_force_from": "Berkuat kuasa dari", "why": "Sebab perubahan"}
    return {**RULE, **APPOINTMENT, **more}.get(part, part)
