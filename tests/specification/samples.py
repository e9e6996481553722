"""The deciders, under the procedure's words. Requests, decisions and papers are made by the builders beside the unit tests."""

from typing import Final

from fixtures.samples import APPLICANT
from streams import TELLERS

from bmt.contracts.problems import Refused
from bmt.contracts.values import Officer

RECEPTION: Final = TELLERS["intake"].deciders["request"]
REVIEW: Final = TELLERS["approval"].deciders["request"]
CONFIGURATION: Final = TELLERS["provisioning"].deciders["request"]
CORRESPONDENCE: Final = TELLERS["notification"].deciders["request"]
DESIGNATED_FILE: Final = TELLERS["records"].deciders["request"]
SEARCH: Final = TELLERS["records"].deciders["search"]
DISPOSAL: Final = TELLERS["records"].deciders["disposal"]

NUR: Final = Officer(subject="nur@mampu.gov.my", name="Nur Aina", role="administrator")
THE_APPLICANT: Final = Officer(
    subject=APPLICANT.account.upper(), name="Ahmad", role="administrator"
)
"""The applicant, where they are an administrator too; the account in other letters."""


def wrong_fields(refused: Refused) -> list[str]:
    """The fields that a refusal names."""
    return [fault.pointer for fault in refused.errors]
