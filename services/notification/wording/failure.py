"""What an office reads of a configuration that failed: which request, what refused, what to do.

Nothing in it is about a person; the reason, which may name an account, is read where one signs in.
"""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import Target
from services.notification.domain.failures import Failure
from services.notification.wording.phrases import english_date, malay_date

_RULE: Final = "-" * 64
_MALAY_TARGET: Final[Mapping[Target, str]] = {"ipms": "IPMS", "storage": "Storan pemindahan"}
_ENGLISH_TARGET: Final[Mapping[Target, str]] = {"ipms": "IPMS", "storage": "the transfer storage"}
_NEXT: Final[Mapping[bool, tuple[str, str]]] = {
    True: (
        "Baiki puncanya, kemudian cuba semula.",
        "Mend the cause, then try again.",
    ),
    False: (
        "Mencuba semula tidak akan membantu; permohonan baharu diperlukan.",
        "Trying again will not help; a new request is needed.",
    ),
}


def subject(failure: Failure) -> str:
    """One line, in both languages."""
    return f"[{failure.request.reference}] Konfigurasi gagal / configuration failed"


def body(failure: Failure, console: str | None) -> str:
    """Malay, a rule, English; `console` is where the request is found."""
    reference, (malay_next, english_next) = failure.request.reference, _NEXT[failure.retryable]
    malay, english = _MALAY_TARGET[failure.target], _ENGLISH_TARGET[failure.target]
    malay_day, english_day = malay_date(failure.failed_at), english_date(failure.failed_at)
    in_malay = [
        f"Konfigurasi permohonan BMT {reference} gagal pada {malay_day}: {malay} menolak perubahan itu.",
        malay_next,
    ]
    in_english = [
        f"The configuration of the BMT request {reference} failed on {english_day}: {english} refused it.",
        english_next,
    ]
    if console is not None:
        in_malay.append(f"Buka permohonan ini di {console}.")
        in_english.append(f"Open the request at {console}.")
    return "\n\n".join([*in_malay, _RULE, *in_english]) + "\n"
