"""The rules in force in a running service: agencies.yaml, with what the agencies changed since.

Approval records each version and shows it in a view beside the documents, which every service reads.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from bmt.agencies.agency import Agency, AgencyRules
from bmt.agencies.changing import OWN, overlaid
from bmt.agencies.charter import day_of
from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable
from bmt.chassis.readmodels.view_store import Query, ViewStore
from bmt.chassis.runtime.clock import Clock

log = structlog.get_logger(__name__)

RULES_IN_FORCE: Final = "rules_in_force"
INDEXES: Final = (("changed_at", "_id"),)
REFRESH_SECONDS: Final = 1.0
_LATE: Final = timedelta(minutes=1)
"""How late a document may become visible after its `changed_at`: clocks differ, and writes take a moment."""
_EVERY_AGENCY: Final = 10_000
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OwnVersion(BaseModel):
    """The rules of `OWN` from a day on, with what agencies.yaml said of them then."""

    model_config = ConfigDict(frozen=True)

    in_force_from: str
    rules: Mapping[str, JsonValue]
    file: Mapping[str, JsonValue]


class Overlay(BaseModel):
    """An agency's version in force, and after it the one that waits for its day."""

    model_config = ConfigDict(frozen=True)

    agency: str
    changed_at: datetime
    versions: tuple[OwnVersion, ...]

    def on(self, day: date) -> OwnVersion | None:
        begun = [one for one in self.versions if one.in_force_from <= day.isoformat()]
        return begun[-1] if begun else None


def whole(rules: AgencyRules) -> dict[str, Any]:
    """All rules of an agency as JSON, without who changed them."""
    return rules.model_dump(mode="json", by_alias=True, exclude={"changed"})


class RulesInForce:
    """Keeps `agencies` as their rules are in force."""

    def __init__(self, agencies: Agencies, views: ViewStore, clock: Clock) -> None:
        self._agencies = agencies
        self._of_file = {agency.code: agency.rules for agency in agencies}
        self._views = views
        self._clock = clock
        self._known: dict[str, Overlay] = {}
        self._since = _BEGINNING

    async def refresh(self) -> None:
        """Read what changed, and what became due.

        Raises:
            StoreUnavailable: the rules stay as they were.
        """
        changed = Query(at_least={"changed_at": self._since - _LATE}, limit=_EVERY_AGENCY)
        for found in await self._views.find(RULES_IN_FORCE, changed):
            overlay = Overlay.model_validate(found.body)
            self._known[overlay.agency] = overlay
            self._since = max(self._since, overlay.changed_at)
        today = day_of(self._clock())
        for code, overlay in self._known.items():
            if code in self._of_file and (version := overlay.on(today)):
                self._put(code, version)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("waiting_for_part", part=error.part)

    def _put(self, code: str, version: OwnVersion) -> None:
        of_file = self._of_file[code]
        file = whole(of_file)
        own = overlaid({name: file[name] for name in OWN}, version.file, version.rules)
        try:
            rules = AgencyRules.model_validate({**file, **own, "changed": of_file.changed})
        except ValidationError:
            log.error("rules_not_readable", agency=code)  # noqa: TRY400  the error quotes accounts
            return
        if self._agencies.get(code).rules != rules:
            self._agencies.put(Agency(code=code, rules=rules))
            log.info("rules_in_force", agency=code)
