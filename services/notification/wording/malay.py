"""The sentences in Malay, in the style of official letters."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import About
from bmt.contracts.http.notification import Wording
from services.notification.wording.phrases import Language, malay_date

SERVICE: Final = "perkhidmatan Big Mail Transfer (BMT)"
CLOSING: Final = (
    "Sekian, terima kasih.",
    "“BERKHIDMAT UNTUK NEGARA”",
    "Saya yang menjalankan amanah,",
)


_REMAINS: Final = "Perkhidmatan BMT tuan/puan kekal seperti sedia ada."
_AGAIN: Final = "Tuan/puan boleh mengemukakan permohonan baharu sekiranya sebab penolakan tersebut telah dapat diatasi."
_CHARTER: Final = "Mengikut Piagam Pelanggan, keputusan akan dibuat dalam tempoh {days} hari bekerja selepas tarikh permohonan diterima."

MALAY: Final = Language(
    salutation="Tuan/Puan,",
    signatory="Pentadbir UC Agensi",
    word_for_bytes="bait",
    channels={"email": "e-mel", "memo": "memo", "letter": "surat", "form": "borang"},
    statuses={
        "acknowledgement": "diterima",
        "approved": "diluluskan, konfigurasi tertangguh",
        "rejected": "ditolak",
        "returned": "dikembalikan untuk pembetulan",
        "withdrawn": "ditarik balik",
        "configured": "diluluskan dan dikonfigurasikan",
        "terminated": "diluluskan dan ditamatkan",
    },
    happened={
        "approved": "diluluskan",
        "terminated": "diluluskan dan perkhidmatan tersebut telah ditamatkan",
    },
    adjusted="diluluskan dengan saiz yang berbeza daripada yang dipohon, dan dikonfigurasikan",
    labels={
        "account": "Akaun",
        "quota": "Kuota storan",
        "file": "Saiz fail terbesar",
        "asked": " dipohon",
        "correction": "Perkara yang perlu dibetulkan",
        "reason": "Sebab",
    },
    date=malay_date,
    titles={
        "application": f"Makluman status permohonan {SERVICE}",
        "termination": f"Makluman status permohonan penamatan {SERVICE}",
    },
    applications={
        "application": f"permohonan tuan/puan bagi {SERVICE}",
        "termination": f"permohonan penamatan {SERVICE} tuan/puan",
    },
    charter=(_CHARTER, _CHARTER),
    onward={
        ("rejected", "application"): _AGAIN,
        ("rejected", "termination"): f"{_REMAINS} {_AGAIN}",
        (
            "withdrawn",
            "application",
        ): "Tuan/puan boleh mengemukakan permohonan baharu pada bila-bila masa.",
        ("withdrawn", "termination"): _REMAINS,
    },
    status="Status permohonan ini boleh disemak pada bila-bila masa di {address}.",
)


_CONTACT: Final = (
    "Sekiranya terdapat sebarang pertanyaan, sila hubungi Pentadbir UC Agensi, {agensi}, dengan "
    "menyatakan rujukan {rujukan}."
)


def _wording(opening: str, onward: str) -> Wording:
    """What happened, and what follows from it."""
    return Wording(opening=opening, onward=(onward, "{semakan}", _CONTACT), closing=CLOSING)


DEFAULT: Final[Mapping[About, Wording]] = {
    "acknowledgement": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah {keputusan} pada {tarikh_terima}.",
        "Permohonan ini akan dipertimbangkan oleh Pentadbir UC Agensi. {piagam} Status permohonan "
        "akan dimaklumkan kepada tuan/puan melalui {saluran}.",
    ),
    "approved": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah {keputusan}. Walau bagaimanapun, "
        "setakat {tarikh} konfigurasinya belum dapat diselesaikan dan mengambil masa lebih lama "
        "daripada biasa.",
        "Tuan/puan tidak perlu mengambil sebarang tindakan. Makluman akan dihantar sebaik sahaja "
        "konfigurasi selesai.",
    ),
    "rejected": _wording(
        "Dengan hormatnya, dukacita dimaklumkan bahawa {permohonan} telah dipertimbangkan dan "
        "{keputusan} pada {tarikh}.",
        "{selanjutnya}",
    ),
    "returned": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah disemak dan {keputusan} pada "
        "{tarikh}.",
        "Sila kemukakan pembetulan tersebut bagi rujukan yang sama; permohonan baharu tidak "
        "diperlukan. Permohonan ini akan dipertimbangkan semula sebaik sahaja pembetulan diterima.",
    ),
    "withdrawn": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah {keputusan} pada {tarikh} seperti "
        "yang diminta. Tiada tindakan lanjut akan diambil.",
        "{selanjutnya}",
    ),
    "configured": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah {keputusan}. Perkhidmatan tersebut "
        "boleh digunakan mulai {tarikh}.",
        "Fail yang melebihi saiz atau kuota di atas tidak akan diterima oleh sistem.",
    ),
    "terminated": _wording(
        "Dengan hormatnya dimaklumkan bahawa {permohonan} telah {keputusan} pada {tarikh}.",
        "Akaun di atas tidak lagi boleh menggunakan perkhidmatan BMT. Sekiranya perkhidmatan ini "
        "diperlukan semula, tuan/puan boleh mengemukakan permohonan baharu.",
    ),
}
"""The default words."""
