"""All agencies of an installation, read once from agencies.yaml and refused if wrong; `in_force` keeps them current."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bmt.agencies import accounts
from bmt.agencies.accounts import Claims
from bmt.agencies.agency import Agency, AgencyRules
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import settings
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
        self.claims: Claims = accounts.claims((each.code, each.rules.accounts) for each in self)

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
