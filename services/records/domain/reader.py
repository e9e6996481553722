"""Who reads the record, and what was searched for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.values import immutable
from services.records.domain.events import RecordsSearched


@immutable
class Reader:
    """A reader, and whose files they may see.

    Attributes:
        subject: the token's `sub`.
        roles: the token's roles, sorted.
        agency: the only agency whose files they may see; None: every agency.
    """

    subject: str
    roles: tuple[str, ...]
    agency: str | None

    def may_see(self, agency: str) -> bool:
        return self.agency in (None, agency)


@immutable
class NoteSearch:
    """Record a search, its criteria, and the number of files on the page."""

    reader: Reader
    agency: str | None
    criteria: Mapping[str, str]
    found: int
    at: datetime


@immutable
class Search:
    """Nothing is decided on a search, so its state is always the same."""


def decide(command: NoteSearch, _: Search) -> Sequence[Event]:
    """Every search is recorded."""
    return [
        RecordsSearched(
            by=command.reader.subject,
            roles=command.reader.roles,
            searched_at=command.at,
            agency=command.agency,
            criteria=dict(command.criteria),
            found=command.found,
        )
    ]


def evolve(state: Search, _: BaseModel) -> Search:
    """The same state."""
    return state


DECIDER: Final[Decider[NoteSearch, Search]] = Decider(Search(), decide, evolve)
