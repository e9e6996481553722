"""Which requests of the worklist are shown: what was chosen above it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.values import Kind
from services.approval.views import Wanted

Warned = Literal["yes", "no"]
Due = Literal["late", "today"]


@dataclass(frozen=True, slots=True)
class FilterForm:
    """What was chosen; empty: it does not matter."""

    kind: Kind | Literal[""] = ""
    warned: Warned | Literal[""] = ""
    due: Due | Literal[""] = ""

    def wanted(self, now: datetime) -> Wanted:
        """What is looked for, as things stand now."""
        return Wanted(
            kind=self.kind or None,
            warned=self.warned == "yes" if self.warned else None,
            due_before=self._due_before(now),
        )

    def _due_before(self, now: datetime) -> datetime | None:
        if self.due == "today":
            there = now.astimezone(MALAYSIA)
            return there.replace(hour=23, minute=59, second=59, microsecond=0)
        return now if self.due == "late" else None

    @property
    def address(self) -> str:
        """What an address says of it."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    def __bool__(self) -> bool:
        return bool(self.address)


def asked(
    kind: Annotated[Kind | Literal[""], Query()] = "",
    warned: Annotated[Warned | Literal[""], Query()] = "",
    due: Annotated[Due | Literal[""], Query()] = "",
) -> FilterForm:
    """A dependency: what an address asks for."""
    return FilterForm(kind, warned, due)


Filter = Annotated[FilterForm, Depends(asked)]
