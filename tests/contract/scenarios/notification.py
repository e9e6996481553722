"""What is told by e-mail and on paper: sent, refused, sent again, handed over."""

from unit.notification.notices import DOCUMENT, NOW, ON_PAPER, REQUEST, SITI, notice

from services.notification.domain.commands import (
    Acknowledge,
    Dispatch,
    RecordPrepared,
    RecordRefused,
    RecordSent,
    Resend,
    Tell,
)

RECEIPT = Acknowledge(REQUEST, notice(), NOW, "<1@mampu.gov.my>")


def prepared(about="acknowledgement"):
    return RecordPrepared(about, DOCUMENT)


def told(about, channel="email", **changes):
    request = REQUEST if channel == "email" else ON_PAPER
    return Tell(request, notice(about, channel, due_at=NOW, **changes), NOW)


PAPER = Acknowledge(ON_PAPER, notice(channel="letter"), NOW)
SCENARIOS = {
    "configured": [
        RECEIPT,
        prepared(),
        RecordSent("acknowledgement", 1),
        told("configured"),
        prepared("configured"),
        RecordSent("configured", 1),
    ],
    "heard-before-the-receipt": [told("returned"), told("rejected"), RECEIPT, prepared()],
    "refused-and-sent-again": [
        RECEIPT,
        prepared(),
        RecordRefused("acknowledgement", 1, "550 no such user"),
        Resend("acknowledgement", "MAMPU", SITI, NOW),
        RecordSent("acknowledgement", 2),
        Resend("acknowledgement", None, SITI, NOW),
        RecordSent("acknowledgement", 3),
    ],
    "on-paper": [
        PAPER,
        prepared(),
        Dispatch("acknowledgement", "MAMPU", SITI, "Diterima oleh pembantu."),
        Dispatch("acknowledgement", "MAMPU", SITI, None),
    ],
    "on-paper-when-prepared": [
        PAPER,
        prepared(),
        told("terminated", "letter", on_preparation=True),
        prepared("terminated"),
    ],
    "withdrawn": [RECEIPT, told("withdrawn"), told("configured")],
}
