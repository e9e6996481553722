"""The pages' Malay names of values, and how statuses look; the catalogue has the English names."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Status
from bmt.wording.bilingual import CHANNEL, KIND, KINDS_OF_FILE, STATUS

__all__ = (
    "ALL",
    "CHANNEL",
    "DUE",
    "FIGURES",
    "KIND",
    "KINDS_OF_FILE",
    "NEXT",
    "STATUS",
    "STEP",
    "STEP_LABEL",
    "STEP_STATE",
    "TONE",
    "WAITS_FOR",
)

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

STEP_LABEL: Final[Mapping[str, str]] = {
    "received": "Diterima",
    "decision": "Keputusan",
    "approved": "Diluluskan",
    "rejected": "Ditolak",
    "returned": "Dikembalikan untuk pembetulan",
    "withdrawn": "Ditarik balik",
    "configuration": "Konfigurasi",
    "configured": "Dikonfigurasi",
    "configuration_failed": "Konfigurasi gagal",
    "notice": "Makluman",
    "notified": "Dimaklumkan",
    "notification_failed": "Makluman tidak sampai",
    "filing": "Pemfailan",
    "filed": "Difailkan",
}
"""The steps of the procedure: what is planned, or what came of it."""

STEP_STATE: Final[Mapping[str, str]] = {
    "done": "Selesai",
    "now": "Sekarang",
    "failed": "Gagal",
    "ahead": "Belum",
}
"""For readers who do not see the marks of the steps."""

WAITS_FOR: Final[Mapping[str, str]] = {
    "decision": "keputusan pentadbir agensi",
    "another_decision": "kelulusan pentadbir yang lain",
    "correction": "pembetulan daripada pemohon",
    "withdrawal": "penarikan balik direkodkan",
    "turn": "giliran untuk dikonfigurasi",
    "targets": "IPMS dan storan pemindahan ditetapkan",
    "ipms_away": "IPMS, yang tidak menjawab; kerja diteruskan sendiri apabila ia menjawab",
    "ipms_maintenance": "IPMS, yang sedang diselenggara; kerja diteruskan sendiri selepas itu",
    "storage_maintenance": "storan pemindahan, yang sedang diselenggara; kerja diteruskan sendiri selepas itu",
    "storage_away": "storan pemindahan, yang tidak menjawab; kerja diteruskan sendiri apabila ia menjawab",
    "officer": "pegawai menetapkannya di portal IPMS",
    "mending": "puncanya dibaiki, kemudian dicuba semula",
    "new_request": "permohonan baharu: cuba semula tidak dapat membantu",
    "composing": "makluman disediakan",
    "sending": "e-mel makluman dihantar",
    "handing_over": "makluman bercetak diserahkan",
    "resending": "makluman dihantar semula",
    "filing": "semua dokumen difailkan",
}
"""What a request waits for now."""

FIGURES: Final[Mapping[str, str]] = {
    "title_steps": "Ditepati mengikut langkah",
    "title_months": "Mengikut bulan diterima",
    "title_open": "Terbuka sekarang, mengikut umur",
    "title_channels": "Mengikut saluran",
    "title_kinds": "Mengikut jenis",
    "title_agencies": "Mengikut agensi",
    "title_returns": "Sebab dikembalikan yang paling kerap",
    "step": "Langkah",
    "decide": "Keputusan",
    "configure": "Konfigurasi",
    "notify": "Makluman",
    "kept_percent": "Ditepati, %",
    "kept": "Ditepati",
    "late": "Dibuat lewat",
    "overdue": "Tertunggak",
    "pending": "Masih menunggu",
    "median": "Median",
    "p90": "p90",
    "nothing_due": "tiada yang perlu dibuat",
    "by_months": "Bulan",
    "by_channels": "Saluran",
    "by_kinds": "Jenis",
    "by_agencies": "Agensi",
    "requests": "Bil. permohonan",
    "decide_kept": "Keputusan ditepati, %",
    "configure_kept": "Konfigurasi ditepati, %",
    "notify_kept": "Makluman ditepati, %",
    "age": "Umur, hari bekerja",
    "waits_decide": "Menunggu keputusan",
    "waits_configure": "Menunggu konfigurasi",
    "waits_notify": "Menunggu makluman",
    "waits_applicant": "Pada pemohon",
    "reason": "Sebab",
    "returns": "Kali",
    "own_words": "Ditulis sendiri oleh pegawai",
    "days": "hari bekerja sejak diterima",
    "hours": "jam bekerja",
    "this_month": "Bulan ini",
    "last_month": "Bulan lepas",
    "six_months": "Enam bulan",
    "this_year": "Tahun ini",
    "minutes of work": "minit",
    "days of work": "hari",
    "hours of work": "jam",
}
"""The page of the client charter."""


DUE: Final[Mapping[str, str]] = {
    "decided": "Keputusan dijangka selewat-lewatnya",
    "configured": "Perkhidmatan dijangka siap selewat-lewatnya",
    "notified": "Makluman dijangka selewat-lewatnya",
}
"""When a step is promised (client charter), to the applicant."""

ALL: Final = (FIGURES, STATUS, KIND, CHANNEL, STEP, NEXT, STEP_LABEL, STEP_STATE, WAITS_FOR, DUE)
