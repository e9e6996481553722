"""The operators' page in Malay; the catalogue has the English words, `bmt.findings` the English findings."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import Target
from bmt.contracts.http.operations import WaitsFor

FINDING: Final[Mapping[str, str]] = {
    "process_away": "Proses ini tidak menjawab.",
    "part_away": "Bahagian yang diperlukan tidak dapat dicapai.",
    "outbox_late": "Peristiwa menunggu Kafka melebihi seminit.",
    "consumer_stalled": "Apa yang diambil daripada Kafka belum selesai selama lebih dua minit.",
    "events_parked": "Peristiwa yang gagal dikendalikan menunggu operator.",
    "letters_open": "Peristiwa yang ditolak terus menunggu operator.",
    "target_away": "Sistem luar tidak menjawab; kerjanya menunggu.",
    "configurations_failed": "Konfigurasi gagal dan menunggu keputusan.",
    "drift_held_back": "Terlalu banyak akaun berbeza daripada yang dikonfigurasi, jadi tiada yang direkodkan.",
    "checkpoint_old": "Rekod tidak lagi ditandatangani.",
    "mailbox_old": "Peti mel tidak dibaca selama suku jam.",
    "views_left_behind": "Paparan tertinggal di belakang peristiwa.",
    "versions_differ": "Proses-proses berlainan versi.",
}
"""What a finding of `bmt.findings` says."""

PART: Final[Mapping[str, str]] = {
    "kafka": "Kafka",
    "mongodb": "MongoDB",
    "issuer": "Log masuk (penerbit token)",
    "ipms": "IPMS",
    "storage": "Storan pemindahan",
    "mail": "Pelayan mel",
    "statistics": "Statistik",
}

TARGET: Final[Mapping[Target, str]] = {"ipms": "IPMS", "storage": "Storan pemindahan"}

AGE: Final[Mapping[str, str]] = {
    "checkpoint": "Rekod terakhir ditandatangani",
    "mailbox": "Peti mel terakhir dibaca",
}

REFUSED: Final[Mapping[str, str]] = {
    "malformed": "tidak dapat dibaca sebagai peristiwa",
    "unknown_type": "jenis peristiwa tidak dikenali",
    "forbidden": "penghantarnya tidak dibenarkan",
    "discarded": "telah diketepikan",
    "idempotency_key_reused": "nombornya telah digunakan bagi kandungan lain",
    "validation_failed": "ada medan yang salah",
    "channel_not_allowed": "salurannya tidak dibenarkan oleh agensi",
    "quota_exceeds_maximum": "kuotanya melebihi maksimum agensi",
    "document_unknown": "dokumennya tidak diketahui",
    "account_of_other_agency": "akaunnya milik agensi lain",
}
"""Why an event was refused for good, by its code."""

WAITS_FOR: Final[Mapping[WaitsFor, str]] = {
    "operator": "operator",
    "earlier_event": "gilirannya, selepas peristiwa terdahulu",
    "next_try": "cubaan berikutnya",
    "leaving": "dikeluarkan: telah diketepikan",
}

DONE: Final[Mapping[str, str]] = {
    "retried": "Dicuba semula: perkhidmatannya melaksanakannya dalam beberapa saat.",
    "discarded": "Diketepikan, dan disimpan bersama sebabnya.",
}

ALL: Final = (PART, TARGET, AGE, REFUSED, WAITS_FOR, DONE)
