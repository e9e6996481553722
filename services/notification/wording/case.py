"""What a notice is written from: the facts, before they are words."""

from datetime import datetime

from bmt.contracts.events import About
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts


@immutable
class Case:
    """One thing to tell.

    Attributes:
        about: what happened.
        request: the request's facts.
        at: when it happened.
        agency_name: the agency in full.
        decide_days: working days that the client charter gives a decision; None: not promised.
        reason: an administrator's own words.
        quota_bytes: storage asked for or in force.
        max_file_size_bytes: largest file asked for or in force.
        status_address: where the user sees how the request stands; None: nowhere.
    """

    about: About
    request: RequestFacts
    at: datetime
    agency_name: str
    decide_days: int | None = None
    reason: str | None = None
    quota_bytes: int | None = None
    max_file_size_bytes: int | None = None
    status_address: str | None = None

    @property
    def is_termination(self) -> bool:
        """Whether the request ends a service (SOP 4.2)."""
        return self.request.kind == "termination"
