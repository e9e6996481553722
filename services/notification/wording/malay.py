"""The sentences in Malay, after the style of official letters."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import About
from bmt.contracts.http.notification import Wording
from services.notification.domain.grammar import written
from services.notification.domain.notice import Fact, Text
from services.notification.wording.phrases import Case, malay_date, size

SALUTATION: Final = "Tuan/Puan,"
CLOSING: Final = (
    "Sekian, terima kasih.",
    "“BERKHIDMAT UNTUK NEGARA”",
    "Saya yang menjalankan amanah,",
)
SIGNATORY: Final = "Pentadbir UC Agensi"
CHANNELS: Final = {"email": "e-mel", "memo": "memo", "letter": "surat", "form": "borang"}
STATUS: Final[Mapping[About, str]] = {
    "acknowledgement": "diterima",
    "rejected": "ditolak",
    "returned": "dikembalikan untuk pembetulan",
    "withdrawn": "ditarik balik",
    "configured": "diluluskan dan dikonfigurasikan",
    "terminated": "diluluskan dan ditamatkan",
}
_HAPPENED: Final[Mapping[About, str]] = {
    "terminated": "diluluskan dan perkhidmatan tersebut telah ditamatkan"
}
"""Where the status in a word or two makes no sentence."""

SERVICE: Final = "perkhidmatan Big Mail Transfer (BMT)"


def text(case: Case, wording: Wording) -> Text:
    """What the user reads in Malay, in the words of `wording`."""
    said = values(case)
    onward = (written(paragraph, said) for paragraph in wording.onward)
    return Text(
        title=f"Makluman status {_subject(case)}",
        status=STATUS[case.about],
        salutation=SALUTATION,
        opening=written(wording.opening, said),
        facts=_facts(case),
        quoted=_quoted(case),
        paragraphs=tuple(filter(None, onward)),
        closing=tuple(written(line, said) for line in wording.closing),
        signatory=written(wording.signatory or SIGNATORY, said),
    )


def values(case: Case) -> Mapping[str, str | None]:
    """What each variable stands for; see `domain.variables`."""
    return {
        "rujukan": case.request.reference,
        "keputusan": _HAPPENED.get(case.about, STATUS[case.about]),
        "permohonan": _yours(case),
        "nama": case.request.applicant.name,
        "akaun": case.request.applicant.account,
        "agensi": case.agency_name,
        "tarikh_terima": malay_date(case.request.received_at),
        "tarikh": malay_date(case.at),
        "kuota": _size(case.quota_bytes),
        "saiz_fail": _size(case.max_file_size_bytes),
        "saluran": CHANNELS[case.request.reply_through],
        "piagam": _charter(case),
        "selanjutnya": _onward(case),
        "semakan": status(case.status_address),
    }


def _size(size_bytes: int | None) -> str | None:
    return None if size_bytes is None else size(size_bytes, "bait")


def _subject(case: Case) -> str:
    return f"permohonan {'penamatan ' if case.is_termination else ''}{SERVICE}"


def _yours(case: Case) -> str:
    """The request, as it is spoken of to its applicant."""
    if case.is_termination:
        return f"permohonan penamatan {SERVICE} tuan/puan"
    return f"permohonan tuan/puan bagi {SERVICE}"


def _facts(case: Case) -> tuple[Fact, ...]:
    asked = " dipohon" if case.about != "configured" else ""
    facts = [Fact(label="Akaun", value=case.request.applicant.account)]
    if case.quota_bytes is not None:
        facts.append(Fact(label=f"Kuota storan{asked}", value=size(case.quota_bytes, "bait")))
    if case.max_file_size_bytes is not None:
        largest = size(case.max_file_size_bytes, "bait")
        facts.append(Fact(label=f"Saiz fail terbesar{asked}", value=largest))
    return tuple(facts)


def _quoted(case: Case) -> Fact | None:
    if case.reason is None:
        return None
    label = "Perkara yang perlu dibetulkan" if case.about == "returned" else "Sebab"
    return Fact(label=label, value=case.reason)


def _charter(case: Case) -> str:
    if not case.decide_days:
        return ""
    return (
        f"Mengikut Piagam Pelanggan, keputusan akan dibuat dalam tempoh {case.decide_days} hari "
        "bekerja selepas tarikh permohonan diterima."
    )


def _onward(case: Case) -> str:
    if case.is_termination:
        return "Perkhidmatan BMT tuan/puan kekal seperti sedia ada."
    return "Tuan/puan boleh mengemukakan permohonan baharu pada bila-bila masa."


def status(address: str | None) -> str:
    """Where the user sees how the request stands; nothing where that is nowhere."""
    return (
        f"Status permohonan ini boleh disemak pada bila-bila masa di {address}." if address else ""
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
    "rejected": _wording(
        "Dengan hormatnya, dukacita dimaklumkan bahawa {permohonan} telah dipertimbangkan dan "
        "{keputusan} pada {tarikh}.",
        "Tuan/puan boleh mengemukakan permohonan baharu sekiranya sebab penolakan tersebut telah "
        "dapat diatasi.",
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
"""The words that bmt brings."""
