"""The agency's rules, as they apply to a decision."""

from fixtures.samples import GB
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from services.approval.domain.policy import Policy
from services.approval.handlers import policy_of

AGENCIES = register.read(AGENCIES_FILE)


def test_an_agencys_rules_are_its_policy():
    expected = Policy(
        working_days=5,
        state="selangor",
        largest_quota_bytes=100 * GB,
        largest_file_bytes=2 * GB,
        claims=AGENCIES.claims,
    )
    assert policy_of("KPM", AGENCIES) == expected


def test_an_agency_that_is_gone_has_a_safe_one():
    assert policy_of("LAMA", AGENCIES) == Policy(claims=AGENCIES.claims)
