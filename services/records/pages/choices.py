"""Which agencies a reader may choose from, and what they are called."""

from collections.abc import Mapping

from bmt.agencies.register import Agencies
from services.records.domain.commands import Reader


def agencies_of(reader: Reader, agencies: Agencies) -> Mapping[str, str]:
    """Codes with names: the reader's own agency, or all of them."""
    if reader.agency is not None:
        return {reader.agency: agencies.name_of(reader.agency)}
    codes = sorted(agency.code for agency in agencies)
    return {code: agencies.name_of(code) for code in codes}
