"""The sentences in English: the same as in Malay, in the same order."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import About
from bmt.contracts.http.notification import Wording
from services.notification.domain.grammar import written
from services.notification.domain.notice import Fact, Text
from services.notification.wording.phrases import Case, english_date, size

SALUTATION: Final = "Dear Sir/Madam,"
CLOSING: Final = ("Thank you.", "Yours faithfully,")
SIGNATORY: Final = "Agency UC Administrator"
CHANNELS: Final = {"email": "e-mail", "memo": "memo", "letter": "letter", "form": "form"}
STATUS: Final[Mapping[About, str]] = {
    "acknowledgement": "received",
    "rejected": "rejected",
    "returned": "returned for correction",
    "withdrawn": "withdrawn",
    "configured": "approved and configured",
    "terminated": "approved and terminated",
}
_HAPPENED: Final[Mapping[About, str]] = {"terminated": "approved and the service was terminated"}
"""Where the status in a word or two makes no sentence."""

SERVICE: Final = "Big Mail Transfer (BMT) service"


def text(case: Case, wording: Wording) -> Text:
    """What the user reads in English, in the words of `wording`."""
    said = values(case)
    onward = (written(paragraph, said) for paragraph in wording.onward)
    subject = f"termination of the {SERVICE}" if case.is_termination else f"the {SERVICE}"
    return Text(
        title=f"Status of the application for {subject}",
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
        "tarikh_terima": english_date(case.request.received_at),
        "tarikh": english_date(case.at),
        "kuota": _size(case.quota_bytes),
        "saiz_fail": _size(case.max_file_size_bytes),
        "saluran": CHANNELS[case.request.reply_through],
        "piagam": _charter(case),
        "selanjutnya": _onward(case),
        "semakan": status(case.status_address),
    }


def _size(size_bytes: int | None) -> str | None:
    return None if size_bytes is None else size(size_bytes, "bytes")


def _yours(case: Case) -> str:
    """The request, as it is spoken of to its applicant."""
    if case.is_termination:
        return f"your application to terminate the {SERVICE}"
    return f"your application for the {SERVICE}"


def _facts(case: Case) -> tuple[Fact, ...]:
    asked = " requested" if case.about != "configured" else ""
    facts = [Fact(label="Account", value=case.request.applicant.account)]
    if case.quota_bytes is not None:
        facts.append(Fact(label=f"Storage quota{asked}", value=size(case.quota_bytes, "bytes")))
    if case.max_file_size_bytes is not None:
        largest = size(case.max_file_size_bytes, "bytes")
        facts.append(Fact(label=f"Largest file{asked}", value=largest))
    return tuple(facts)


def _quoted(case: Case) -> Fact | None:
    if case.reason is None:
        return None
    label = "What needs correction" if case.about == "returned" else "Reason"
    return Fact(label=label, value=case.reason)


def _charter(case: Case) -> str:
    if not case.decide_days:
        return ""
    days = "1 working day" if case.decide_days == 1 else f"{case.decide_days} working days"
    return (
        f"According to the client charter, it will be decided within {days} after the day it was "
        "received."
    )


def _onward(case: Case) -> str:
    if case.is_termination:
        return "Your BMT service remains as it is."
    return "You may submit a new application at any time."


def status(address: str | None) -> str:
    """Where the user sees how the request stands; nothing where that is nowhere."""
    return f"You can see how this request stands at any time at {address}." if address else ""


_CONTACT: Final = (
    "If you have any questions, please contact the Agency UC Administrator, {agensi}, quoting "
    "reference {rujukan}."
)


def _wording(opening: str, onward: str) -> Wording:
    """What happened, and what follows from it."""
    return Wording(opening=opening, onward=(onward, "{semakan}", _CONTACT), closing=CLOSING)


DEFAULT: Final[Mapping[About, Wording]] = {
    "acknowledgement": _wording(
        "We are pleased to inform you that {permohonan} was {keputusan} on {tarikh_terima}.",
        "The Agency UC Administrator will consider the application. {piagam} You will be informed "
        "of its status by {saluran}.",
    ),
    "rejected": _wording(
        "We regret to inform you that {permohonan} was considered and {keputusan} on {tarikh}.",
        "You may submit a new application once the reason for the rejection no longer applies.",
    ),
    "returned": _wording(
        "Please be informed that {permohonan} was reviewed and {keputusan} on {tarikh}.",
        "Please submit the correction under the same reference; a new application is not needed. "
        "The application will be considered again as soon as the correction is received.",
    ),
    "withdrawn": _wording(
        "Please be informed that {permohonan} was {keputusan} on {tarikh} as requested. No further "
        "action will be taken.",
        "{selanjutnya}",
    ),
    "configured": _wording(
        "We are pleased to inform you that {permohonan} was {keputusan}. The service can be used "
        "from {tarikh}.",
        "The system does not accept files beyond the size or the quota above.",
    ),
    "terminated": _wording(
        "Please be informed that {permohonan} was {keputusan} on {tarikh}.",
        "The account above can no longer use the BMT service. Should the service be needed again, "
        "you may submit a new application.",
    ),
}
"""The words that bmt brings."""
