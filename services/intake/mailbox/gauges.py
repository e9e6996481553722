"""What is measured of the mailboxes; no label names a person or a message."""

import time
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.intake.mailbox.taking import Outcome


class MailboxGauges:
    """The mailboxes' figures, by agency."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge(
            "bmt_mailbox_waiting_messages",
            "Messages of the mailbox that are not taken in yet, as of the last look.",
            ["agency"],
            registry=registry,
        )
        self._last_look = Gauge(
            "bmt_mailbox_last_look_seconds",
            "Seconds since everything in the mailbox had been taken in (or since the start).",
            ["agency"],
            registry=registry,
        )
        self._messages = Counter(
            "bmt_mailbox_messages",
            "Messages of the mailbox, by what became of them.",
            ["agency", "outcome"],
            registry=registry,
        )

    def waiting(self, agency: str, messages: int) -> None:
        """So many wait."""
        self._waiting.labels(agency).set(messages)

    def looked(self, agency: str) -> None:
        """All that was there is taken in."""
        self._last_look.labels(agency).set_function(partial(_since, time.monotonic()))

    def took(self, agency: str, outcome: Outcome) -> None:
        """One message was taken in."""
        self._messages.labels(agency, outcome).inc()


def _since(moment: float) -> float:
    return time.monotonic() - moment
