"""What is told by e-mail and on paper: sent, refused, sent again, handed over."""

from dataclasses import replace

from unit.notification.notices import DOCUMENT, NOW, ON_PAPER, REQUEST, SITI, notice

from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Composed,
    Dispatch,
    Notify,
    RecordFailureSent,
    RecordPrepared,
    RecordRefused,
    RecordReminder,
    RecordSent,
    ReportFailure,
    Resend,
)
from services.notification.domain.events import NoticeDue
from services.notification.domain.template import SaveWords
from services.notification.wording.composer import DEFAULT

RECEIPT = Acknowledge(REQUEST, notice(), NOW, "<1@mampu.gov.my>")


def prepared(about="acknowledgement"):
    return RecordPrepared(about, DOCUMENT)


def told(about, channel="email", **changes):
    request = REQUEST if channel == "email" else ON_PAPER
    return Notify(request, notice(about, channel, due_at=NOW, **changes), NOW)


def saved(why, seen, words=DEFAULT["rejected"]):
    return SaveWords("MAMPU", "rejected", words, why, seen, SITI, NOW)


def composed(command):
    """With the messages of all that it leads to, once its request is acknowledged."""
    due = NoticeDue(
        request=command.request,
        notice=command.notice,
        wanted_at=command.at,
        in_reply_to=RECEIPT.email_message_id,
    )
    return replace(command, composed=(Composed(due, DOCUMENT),))


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
    "prepared-where-it-is-due": [
        composed(RECEIPT),
        RecordSent("acknowledgement", 1),
        composed(told("configured")),
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
    "a-failure-that-the-office-is-told-of": [
        RECEIPT,
        ReportFailure(REQUEST, "ipms", retryable=True, failed_at=NOW),
        RecordFailureSent(1, "<1.failure-1@mygovuc.gov.my>", "pejabat@mampu.gov.my"),
        ReportFailure(REQUEST, "storage", retryable=False, failed_at=NOW),
        told("configured"),
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
    "one-paper-a-user": [
        PAPER,
        prepared(),
        told("terminated", "letter"),
        prepared("terminated"),
    ],
    "withdrawn": [RECEIPT, told("withdrawn"), told("configured")],
    "reminded-of-the-charter": [
        AwaitStep(REQUEST, "decide", NOW, NOW),
        RECEIPT,
        RecordReminder("decide-1", "reminder", "<1.decide-1.reminder@x>", "pejabat@mampu.gov.my"),
        told("returned"),
        AwaitStep(REQUEST, "decide", NOW, NOW),
        AwaitStep(REQUEST, "configure", NOW, NOW),
        RecordReminder("configure-1", "escalation", "<1.configure-1@x>", "ketua@mampu.gov.my"),
        told("configured"),
    ],
    "template": [
        saved("Nombor telefon baharu.", 0),
        saved("Siapa cepat.", 0),
        saved("Kembali kepada asal.", 1, words=None),
    ],
}
