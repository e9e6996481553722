"""The sentences in English: the same as in Malay, in the same order."""

from collections.abc import Callable, Mapping
from typing import Final

from bmt.contracts.events import About
from services.notification.domain.notice import Fact, Text
from services.notification.wording.amounts import english_date, size
from services.notification.wording.case import Case

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
SERVICE: Final = "Big Mail Transfer (BMT) service"


def text(case: Case) -> Text:
    """What the user reads in English."""
    opening, onward = _SENTENCES[case.about](case)
    subject = f"termination of the {SERVICE}" if case.is_termination else f"the {SERVICE}"
    return Text(
        title=f"Status of the application for {subject}",
        status=STATUS[case.about],
        salutation=SALUTATION,
        opening=opening,
        facts=_facts(case),
        quoted=_quoted(case),
        paragraphs=(onward, *_status(case), _contact(case)),
        closing=CLOSING,
        signatory=SIGNATORY,
    )


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


def _status(case: Case) -> tuple[str, ...]:
    if case.status_address is None:
        return ()
    return (f"You can see how this request stands at any time at {case.status_address}.",)


def _contact(case: Case) -> str:
    return (
        "If you have any questions, please contact the Agency UC Administrator, "
        f"{case.agency_name}, quoting reference {case.request.reference}."
    )


_Sentences = tuple[str, str]
"""What happened, and what follows from it."""


def _acknowledgement(case: Case) -> _Sentences:
    opening = (
        f"We are pleased to inform you that {_yours(case)} was received on "
        f"{english_date(case.request.received_at)}."
    )
    days = "1 working day" if case.decide_days == 1 else f"{case.decide_days} working days"
    promise = (
        f"According to the client charter, it will be decided within {days} after the day it was "
        "received. "
        if case.decide_days
        else ""
    )
    onward = (
        f"The Agency UC Administrator will consider the application. {promise}You will be informed "
        f"of its status by {CHANNELS[case.request.reply_through]}."
    )
    return opening, onward


def _rejected(case: Case) -> _Sentences:
    opening = (
        f"We regret to inform you that {_yours(case)} was considered and rejected on "
        f"{english_date(case.at)}."
    )
    onward = "You may submit a new application once the reason for the rejection no longer applies."
    return opening, onward


def _returned(case: Case) -> _Sentences:
    opening = (
        f"Please be informed that {_yours(case)} was reviewed and returned for correction on "
        f"{english_date(case.at)}."
    )
    onward = (
        "Please submit the correction under the same reference; a new application is not needed. "
        "The application will be considered again as soon as the correction is received."
    )
    return opening, onward


def _withdrawn(case: Case) -> _Sentences:
    opening = (
        f"Please be informed that {_yours(case)} was withdrawn on {english_date(case.at)} as "
        "requested. No further action will be taken."
    )
    onward = (
        "Your BMT service remains as it is."
        if case.is_termination
        else "You may submit a new application at any time."
    )
    return opening, onward


def _configured(case: Case) -> _Sentences:
    opening = (
        f"We are pleased to inform you that {_yours(case)} was approved and configured. "
        f"The service can be used from {english_date(case.at)}."
    )
    onward = "The system does not accept files beyond the size or the quota above."
    return opening, onward


def _terminated(case: Case) -> _Sentences:
    opening = (
        f"Please be informed that {_yours(case)} was approved and the service was terminated on "
        f"{english_date(case.at)}."
    )
    onward = (
        "The account above can no longer use the BMT service. Should the service be needed again, "
        "you may submit a new application."
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
