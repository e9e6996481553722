"""When the applicant may expect what a request waits for, by the client charter."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.contracts.values import Status
from services.intake.views import RequestDocument

Promise = Literal["decide", "configure", "notify"]

_PROMISED: Final[Mapping[Status, tuple[Promise, str]]] = {
    "received": ("decide", "received"),
    "approved": ("configure", "approved"),
    "configuring": ("configure", "approved"),
    "awaiting_operator": ("configure", "approved"),
    "configuration_failed": ("configure", "approved"),
    "configured": ("notify", "configured"),
    "rejected": ("notify", "rejected"),
    "withdrawn": ("notify", "withdrawn"),
}
"""What is promised in a status, and the step that its working days begin with."""


def due_at(document: RequestDocument, agencies: Agencies) -> datetime | None:
    """The latest time of what the request waits for; None: nothing is promised."""
    promise, since = _PROMISED.get(document.status, (None, None))
    begun = [one.at for one in document.steps if one.step == since]
    if promise is None or not begun or document.agency not in agencies:
        return None
    rules = agencies.get(document.agency).rules
    days = getattr(rules.charter_working_days, promise)
    return charter.due_at(begun[-1], days, rules.state, frozenset(rules.closed_days))
