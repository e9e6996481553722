"""The sentences in Malay, after the style of official letters."""

from collections.abc import Callable, Mapping
from typing import Final

from bmt.contracts.events import About
from services.notification.domain.notice import Fact, Text
from services.notification.wording.amounts import malay_date, size
from services.notification.wording.case import Case

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
SERVICE: Final = "perkhidmatan Big Mail Transfer (BMT)"


def text(case: Case) -> Text:
    """What the user reads in Malay."""
    opening, onward = _SENTENCES[case.about](case)
    return Text(
        title=f"Makluman status {_subject(case)}",
        status=STATUS[case.about],
        salutation=SALUTATION,
        opening=opening,
        facts=_facts(case),
        quoted=_quoted(case),
        paragraphs=(onward, *_status(case), _contact(case)),
        closing=CLOSING,
        signatory=SIGNATORY,
    )


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


def _status(case: Case) -> tuple[str, ...]:
    if case.status_address is None:
        return ()
    return (f"Status permohonan ini boleh disemak pada bila-bila masa di {case.status_address}.",)


def _contact(case: Case) -> str:
    return (
        "Sekiranya terdapat sebarang pertanyaan, sila hubungi Pentadbir UC Agensi, "
        f"{case.agency_name}, dengan menyatakan rujukan {case.request.reference}."
    )


_Sentences = tuple[str, str]
"""What happened, and what follows from it."""


def _acknowledgement(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya dimaklumkan bahawa {_yours(case)} telah diterima pada "
        f"{malay_date(case.request.received_at)}."
    )
    promise = (
        f"Mengikut Piagam Pelanggan, keputusan akan dibuat dalam tempoh {case.decide_days} hari "
        "bekerja selepas tarikh permohonan diterima. "
        if case.decide_days
        else ""
    )
    onward = (
        f"Permohonan ini akan dipertimbangkan oleh Pentadbir UC Agensi. {promise}Status permohonan "
        f"akan dimaklumkan kepada tuan/puan melalui {CHANNELS[case.request.reply_through]}."
    )
    return opening, onward


def _rejected(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya, dukacita dimaklumkan bahawa {_yours(case)} telah dipertimbangkan dan "
        f"ditolak pada {malay_date(case.at)}."
    )
    onward = (
        "Tuan/puan boleh mengemukakan permohonan baharu sekiranya sebab penolakan tersebut telah "
        "dapat diatasi."
    )
    return opening, onward


def _returned(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya dimaklumkan bahawa {_yours(case)} telah disemak dan dikembalikan untuk "
        f"pembetulan pada {malay_date(case.at)}."
    )
    onward = (
        "Sila kemukakan pembetulan tersebut bagi rujukan yang sama; permohonan baharu tidak "
        "diperlukan. Permohonan ini akan dipertimbangkan semula sebaik sahaja pembetulan diterima."
    )
    return opening, onward


def _withdrawn(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya dimaklumkan bahawa {_yours(case)} telah ditarik balik pada "
        f"{malay_date(case.at)} seperti yang diminta. Tiada tindakan lanjut akan diambil."
    )
    onward = (
        "Perkhidmatan BMT tuan/puan kekal seperti sedia ada."
        if case.is_termination
        else "Tuan/puan boleh mengemukakan permohonan baharu pada bila-bila masa."
    )
    return opening, onward


def _configured(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya dimaklumkan bahawa {_yours(case)} telah diluluskan dan dikonfigurasikan. "
        f"Perkhidmatan tersebut boleh digunakan mulai {malay_date(case.at)}."
    )
    onward = "Fail yang melebihi saiz atau kuota di atas tidak akan diterima oleh sistem."
    return opening, onward


def _terminated(case: Case) -> _Sentences:
    opening = (
        f"Dengan hormatnya dimaklumkan bahawa {_yours(case)} telah diluluskan dan perkhidmatan "
        f"tersebut telah ditamatkan pada {malay_date(case.at)}."
    )
    onward = (
        "Akaun di atas tidak lagi boleh menggunakan perkhidmatan BMT. Sekiranya perkhidmatan ini "
        "diperlukan semula, tuan/puan boleh mengemukakan permohonan baharu."
    )
    return opening, onward


_SENTENCES: Final[Mapping[About, Callable[[Case], _Sentences]]] = {
    "acknowledgement": _acknowledgement,
    "rejected": _rejected,
    "returned": _returned,
    "withdrawn": _withdrawn,
    "configured": _configured,
    "terminated": _terminated,
}
