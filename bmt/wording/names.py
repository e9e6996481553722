"""The Malay names of kinds, channels, statuses and file types."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Channel, Kind, Status

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

KIND: Final[Mapping[Kind, str]] = {"application": "Permohonan", "termination": "Penamatan"}

CHANNEL: Final[Mapping[Channel, str]] = {
    "email": "E-mel",
    "memo": "Memo",
    "letter": "Surat",
    "form": "Borang",
    "event": "Sistem agensi",
}

KINDS_OF_FILE: Final[Mapping[str, str]] = {
    "application/pdf": "PDF",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "text/plain": ".txt",
    "message/rfc822": ".eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
}
"""The names of document kinds, the same in both languages."""
