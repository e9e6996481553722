"""What offices read of the client charter's promises: which request, what is to be done, until when.

Nothing in it is about a person.
"""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.values import Kind
from services.notification.domain.events import Level, Step
from services.notification.domain.waits import Wait
from services.notification.wording.phrases import english_date, malay_date

_RULE: Final = "-" * 64

_MALAY_SUBJECT: Final[Mapping[Level, str]] = {
    "reminder": "Peringatan Piagam Pelanggan",
    "escalation": "Melepasi Piagam Pelanggan",
}
_ENGLISH_SUBJECT: Final[Mapping[Level, str]] = {
    "reminder": "client charter reminder",
    "escalation": "client charter overdue",
}
_MALAY_KIND: Final[Mapping[Kind, str]] = {
    "application": "Permohonan",
    "termination": "Permohonan penamatan",
}
_ENGLISH_KIND: Final[Mapping[Kind, str]] = {
    "application": "application",
    "termination": "termination",
}
_MALAY_STEP: Final[Mapping[tuple[Step, Kind], str]] = {
    ("decide", "application"): "diputuskan",
    ("decide", "termination"): "diputuskan",
    ("configure", "application"): "dikonfigurasikan",
    ("configure", "termination"): "dilaksanakan",
}
_ENGLISH_STEP: Final[Mapping[tuple[Step, Kind], str]] = {
    ("decide", "application"): "decided",
    ("decide", "termination"): "decided",
    ("configure", "application"): "configured",
    ("configure", "termination"): "carried out",
}


def subject(wait: Wait, level: Level) -> str:
    """One line, in both languages."""
    step = wait.step, wait.request.kind
    return (
        f"[{wait.request.reference}] {_MALAY_SUBJECT[level]} / {_ENGLISH_SUBJECT[level]}: "
        f"{_MALAY_STEP[step]} / {_ENGLISH_STEP[step]}"
    )


def body(wait: Wait, level: Level, console: str | None) -> str:
    """Malay, a rule, English; `console` is where the request is found."""
    in_malay = [_in_malay(wait, level)]
    in_english = [_in_english(wait, level)]
    if console is not None:
        in_malay.append(f"Buka permohonan ini di {console}.")
        in_english.append(f"Open the request at {console}.")
    return "\n\n".join([*in_malay, _RULE, *in_english]) + "\n"


def _in_malay(wait: Wait, level: Level) -> str:
    what = f"{_MALAY_KIND[wait.request.kind]} BMT {wait.request.reference}"
    done, day = _MALAY_STEP[wait.step, wait.request.kind], malay_date(wait.due_at)
    if level == "reminder":
        return (
            f"{what} perlu {done} selewat-lewatnya pada {day}, 5 petang, mengikut Piagam Pelanggan."
        )
    return (
        f"{what} belum {done}. Mengikut Piagam Pelanggan, ia perlu "
        f"{done} selewat-lewatnya pada {day}, 5 petang."
    )


def _in_english(wait: Wait, level: Level) -> str:
    what = f"The BMT {_ENGLISH_KIND[wait.request.kind]} {wait.request.reference}"
    done, day = _ENGLISH_STEP[wait.step, wait.request.kind], english_date(wait.due_at)
    if level == "reminder":
        return f"{what} must be {done} by {day}, 5 p.m., according to the client charter."
    return (
        f"{what} has not been {done}. According to the client charter it had to "
        f"be {done} by {day}, 5 p.m."
    )
