"""The sentences in English, in the same order as in Malay."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import About
from bmt.contracts.http.notification import Wording
from services.notification.wording.phrases import Language, english_date

SERVICE: Final = "Big Mail Transfer (BMT) service"
CLOSING: Final = ("Thank you.", "Yours faithfully,")


_REMAINS: Final = "Your BMT service remains as it is."
_AGAIN: Final = (
    "You may submit a new application once the reason for the rejection no longer applies."
)

ENGLISH: Final = Language(
    salutation="Dear Sir/Madam,",
    signatory="Agency UC Administrator",
    word_for_bytes="bytes",
    channels={"email": "e-mail", "memo": "memo", "letter": "letter", "form": "form"},
    statuses={
        "acknowledgement": "received",
        "approved": "approved, configuration delayed",
        "rejected": "rejected",
        "returned": "returned for correction",
        "withdrawn": "withdrawn",
        "configured": "approved and configured",
        "terminated": "approved and terminated",
    },
    happened={
        "approved": "approved",
        "terminated": "approved and the service was terminated",
    },
    adjusted="approved with other sizes than requested, and configured",
    labels={
        "account": "Account",
        "quota": "Storage quota",
        "file": "Largest file",
        "asked": " requested",
        "correction": "What needs correction",
        "reason": "Reason",
    },
    date=english_date,
    titles={
        "application": f"Status of the application for the {SERVICE}",
        "termination": f"Status of the application for termination of the {SERVICE}",
    },
    applications={
        "application": f"your application for the {SERVICE}",
        "termination": f"your application to terminate the {SERVICE}",
    },
    charter=(
        "According to the client charter, it will be decided within 1 working day after the day it was received.",
        "According to the client charter, it will be decided within {days} working days after the day it was received.",
    ),
    onward={
        ("rejected", "application"): _AGAIN,
        ("rejected", "termination"): f"{_REMAINS} {_AGAIN}",
        ("withdrawn", "application"): "You may submit a new application at any time.",
        ("withdrawn", "termination"): _REMAINS,
    },
    status="You can see how this request stands at any time at {address}.",
)


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
    "approved": _wording(
        "Please be informed that {permohonan} was {keputusan}. As of {tarikh}, however, its "
        "configuration could not be completed, and takes longer than usual.",
        "You need not do anything. You will be informed as soon as the configuration is complete.",
    ),
    "rejected": _wording(
        "We regret to inform you that {permohonan} was considered and {keputusan} on {tarikh}.",
        "{selanjutnya}",
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
"""The default words."""
