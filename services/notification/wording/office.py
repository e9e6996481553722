"""What offices read: client charter reminders and failed configurations.

Nothing in them is personal.

A failure's reason may name an account, so the mail leaves it to the console, which needs a login.
"""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.events import Target
from bmt.contracts.values import Kind
from services.notification.domain.correspondence import Failure, Wait
from services.notification.domain.events import Level, Step
from services.notification.wording.phrases import english_date, malay_date

_RULE: Final = "-" * 64

_SUBJECT: Final[Mapping[Level, tuple[str, str]]] = {
    "reminder": ("Peringatan Piagam Pelanggan", "client charter reminder"),
    "escalation": ("Melepasi Piagam Pelanggan", "client charter overdue"),
}
_KIND: Final[Mapping[Kind, tuple[str, str]]] = {
    "application": ("Permohonan", "application"),
    "termination": ("Permohonan penamatan", "termination"),
}
_STEP: Final[Mapping[tuple[Step, Kind], tuple[str, str]]] = {
    ("decide", "application"): ("diputuskan", "decided"),
    ("decide", "termination"): ("diputuskan", "decided"),
    ("configure", "application"): ("dikonfigurasikan", "configured"),
    ("configure", "termination"): ("dilaksanakan", "carried out"),
}
_TARGET: Final[Mapping[Target, tuple[str, str]]] = {
    "ipms": ("IPMS", "IPMS"),
    "storage": ("Storan pemindahan", "the transfer storage"),
}
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


def reminder_subject(wait: Wait, level: Level) -> str:
    """One line, in both languages."""
    (malay, english), done = _SUBJECT[level], _STEP[wait.step, wait.request.kind]
    return f"[{wait.request.reference}] {malay} / {english}: {' / '.join(done)}"


def reminder_body(wait: Wait, level: Level, console: str | None) -> str:
    """What the office must do and by when. `console` is the address of the request."""
    malay_kind, english_kind = _KIND[wait.request.kind]
    malay_step, english_step = _STEP[wait.step, wait.request.kind]
    reference, malay_day = wait.request.reference, malay_date(wait.due_at)
    english_day = english_date(wait.due_at)
    if level == "reminder":
        malay = (
            f"{malay_kind} BMT {reference} perlu {malay_step} selewat-lewatnya pada {malay_day}, "
            "5 petang, mengikut Piagam Pelanggan."
        )
        english = (
            f"The BMT {english_kind} {reference} must be {english_step} by {english_day}, 5 p.m., "
            "according to the client charter."
        )
    else:
        malay = (
            f"{malay_kind} BMT {reference} belum {malay_step}. Mengikut Piagam Pelanggan, ia perlu "
            f"{malay_step} selewat-lewatnya pada {malay_day}, 5 petang."
        )
        english = (
            f"The BMT {english_kind} {reference} has not been {english_step}. According to the "
            f"client charter it had to be {english_step} by {english_day}, 5 p.m."
        )
    return _in_both([malay], [english], console)


def failure_subject(failure: Failure) -> str:
    """One line, in both languages."""
    return f"[{failure.request.reference}] Konfigurasi gagal / configuration failed"


def failure_body(failure: Failure, console: str | None) -> str:
    """What failed and what to do. `console` is the address of the request."""
    reference, (malay_next, english_next) = failure.request.reference, _NEXT[failure.retryable]
    malay_target, english_target = _TARGET[failure.target]
    malay = (
        f"Konfigurasi permohonan BMT {reference} gagal pada {malay_date(failure.failed_at)}: "
        f"{malay_target} menolak perubahan itu."
    )
    english = (
        f"The configuration of the BMT request {reference} failed on "
        f"{english_date(failure.failed_at)}: {english_target} refused it."
    )
    return _in_both([malay, malay_next], [english, english_next], console)


def _in_both(malay: list[str], english: list[str], console: str | None) -> str:
    """Malay, a rule, English."""
    if console is not None:
        malay = [*malay, f"Buka permohonan ini di {console}."]
        english = [*english, f"Open the request at {console}."]
    return "\n\n".join([*malay, _RULE, *english]) + "\n"
