"""All agencies of an installation: read once from agencies.yaml, refused if wrong, and kept as their rules are in force.

Approval records each version of the rules that an agency set itself, and shows it in a view beside the documents, which
every service reads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from bmt.agencies.agency import OWN, Agency, AgencyRules, Claims, claims_of, overlaid
from bmt.agencies.charter import day_of
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.readmodels.view_store import Query, ViewStore
from bmt.chassis.runtime import settings
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.observability import Sampler
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import AgencyCode

_FILE = TypeAdapter(dict[AgencyCode, AgencyRules])


class AgenciesFileWrong(WrongConfiguration):
    """agencies.yaml cannot be used. The text names agency and field, and what is allowed."""


class UnknownAgency(Refused):
    """There is no agency with this code."""

    problem = "validation_failed"


class Agencies:
    """The agencies by code."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        self._agencies = {agency.code: agency for agency in agencies}
        self._by_name = {
            name.casefold(): agency.code
            for agency in self
            for name in (agency.rules.name, agency.code)
        }
        self.claims: Claims = claims_of((each.code, each.rules.accounts) for each in self)

    def get(self, code: str) -> Agency:
        """The agency. Raises `UnknownAgency` if there is none. It lists the known codes."""
        try:
            return self._agencies[code]
        except KeyError:
            known = tuple(sorted(self._agencies))
            raise UnknownAgency(
                errors=(FieldError.of("/agency", "unknown_agency", agencies=known),)
            ) from None

    def put(self, agency: Agency) -> None:
        """Replaces an agency's rules. Its name and its accounts must stay: they are looked up as the file has them."""
        self._agencies[agency.code] = agency

    def named(self, organisations: Iterable[str]) -> frozenset[str]:
        """The codes of the agencies among these organisations, each found by code or name in any case."""
        known = (self._by_name.get(one.strip().casefold()) for one in organisations)
        return frozenset(code for code in known if code)

    def name_of(self, code: str) -> str:
        """An agency's name, or the code itself if the agency is unknown."""
        return self._agencies[code].rules.name if code in self._agencies else code

    def __iter__(self) -> Iterator[Agency]:
        return iter(self._agencies.values())

    def __contains__(self, code: object) -> bool:
        return code in self._agencies


def read(path: Path) -> Agencies:
    """The agencies of the file at `path`. Raises `AgenciesFileWrong` if it cannot be used."""
    wrong = f"BMT_AGENCIES_FILE is wrong: {path}"
    try:
        return parse(settings.read_yaml(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise AgenciesFileWrong(f"{wrong} cannot be read: {error.strerror}") from error
    except (settings.NotYaml, UnicodeDecodeError) as error:
        raise AgenciesFileWrong(f"{wrong} is not YAML: {error}") from error
    except AgenciesFileWrong as error:
        raise AgenciesFileWrong(f"{wrong}: {error}") from None


def parse(raw: Mapping[str, Any] | None) -> Agencies:
    """The agencies of a parsed file. Raises `AgenciesFileWrong` if it has a value that is not allowed."""
    if not raw:
        raise AgenciesFileWrong("there is no agency in it")
    try:
        rules = _FILE.validate_python(raw)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise AgenciesFileWrong(faults) from None
    return Agencies(Agency(code=code, rules=agency) for code, agency in rules.items())


log = structlog.get_logger(__name__)

RULES_IN_FORCE: Final = "rules_in_force"
RULES_INDEXES: Final = (("changed_at", "_id"),)
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


def whole_rules(rules: AgencyRules) -> dict[str, Any]:
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
        file = whole_rules(of_file)
        own = overlaid({name: file[name] for name in OWN}, version.file, version.rules)
        try:
            rules = AgencyRules.model_validate({**file, **own, "changed": of_file.changed})
        except ValidationError:
            log.error("rules_not_readable", agency=code)  # noqa: TRY400  the error quotes accounts
            return
        if self._agencies.get(code).rules != rules:
            self._agencies.put(Agency(code=code, rules=rules))
            log.info("rules_in_force", agency=code)


CountOverdue = Callable[[], Awaitable[Mapping[str, int]]]
"""How many requests of each agency are overdue; an agency with none may be absent."""


def overdue_sampler(
    registry: CollectorRegistry, step: str, agencies: Agencies, count: CountOverdue
) -> Sampler:
    """Sets the gauge of one step (`decide`, `configure`, `notify`) for every agency."""
    gauge = Gauge(
        "bmt_charter_overdue_requests",
        "Requests whose step should be done by now (client charter).",
        ["agency", "step"],
        registry=registry,
    )

    async def sample() -> None:
        counts = await count()
        gauge.clear()
        for agency in {*counts, *(agency.code for agency in agencies)}:
            gauge.labels(agency, step).set(counts.get(agency, 0))

    return sample
