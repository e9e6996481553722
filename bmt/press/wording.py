"""The Malay names of kinds and statuses, on papers and on pages."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Kind, Status

KIND: Final[Mapping[Kind, str]] = {"application": "Permohonan", "termination": "Penamatan"}

STATUS: Final[Mapping[Status, str]] = {
    "received": "Diterima",
    "returned": "Dikembalikan untuk pembetulan",
    "approved": "Diluluskan",
    "rejected": "Ditolak",
    "withdrawn": "Ditarik balik",
    "configuring": "Sedang dikonfigurasi",
    "awaiting_operator": "Menunggu operator",
    "configured": "Dikonfigurasi",
    "configuration_failed": "Konfigurasi gagal",
    "notified": "Pengguna dimaklumkan",
    "filed": "Difailkan",
}
