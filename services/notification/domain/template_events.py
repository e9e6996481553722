"""What is remembered of an agency's words: an event without a topic."""

from bmt.contracts.events import About, Event
from bmt.contracts.http.notification import Words
from bmt.contracts.values import Moment, Submitter


class TemplateSaved(Event):
    """From now on an agency's notices of one kind have these words; None: those that bmt brings."""

    TYPE = "my.gov.bmt.notification.TemplateSaved.v1"
    agency: str
    about: About
    version: int
    words: Words | None
    why: str
    saved_by: Submitter
    saved_at: Moment
