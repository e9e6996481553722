"""What approving would order, and which sizes no decision could grant."""

from dataclasses import replace

import pytest
from fixtures.samples import GB
from orders import JPA, MAMPU, ON, due

from bmt.contracts.events import Granted
from services.provisioning.domain.errors import QuotaAboveMaximum, SizesWrong
from services.provisioning.domain.order import NOTHING_IN_FORCE, by_hand, goal, suppose

ACCOUNT = "ahmad.mampu@mygovuc.gov.my"
ASKED = Granted(quota_bytes=10 * GB, max_file_size_bytes=GB)
NONE = Granted(quota_bytes=None, max_file_size_bytes=None)
LIMITED = replace(MAMPU, largest_quota_bytes=100 * GB, largest_file_bytes=2 * GB)


def sizes(quota_bytes=None, max_file_size_bytes=None):
    return Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)


def test_approving_as_asked_wants_what_the_approval_itself_would_want():
    supposed = suppose("application", ACCOUNT, ASKED, NONE, LIMITED)

    assert goal(supposed) == goal(due()) == ON
    assert (supposed.ipms_connector, supposed.account) == (due().ipms_connector, due().account)


def test_other_sizes_can_be_seen_one_by_one():
    supposed = suppose("application", ACCOUNT, ASKED, sizes(max_file_size_bytes=2 * GB), LIMITED)

    assert supposed.approved == Granted(quota_bytes=10 * GB, max_file_size_bytes=2 * GB)


def test_a_termination_takes_all_away_and_takes_no_sizes():
    supposed = suppose("termination", ACCOUNT, NONE, NONE, LIMITED)
    assert goal(supposed) == NOTHING_IN_FORCE

    with pytest.raises(SizesWrong) as refused:
        suppose("termination", ACCOUNT, NONE, sizes(GB, GB), LIMITED)
    pointers = [fault.pointer for fault in refused.value.errors]
    assert pointers == ["/query/quota_bytes", "/query/max_file_size_bytes"]


@pytest.mark.parametrize("proposed", [sizes(100 * GB + 1), sizes(2**53 - 1)])
def test_no_decision_grants_more_than_the_agencys_maximum(proposed):
    with pytest.raises(QuotaAboveMaximum) as refused:
        suppose("application", ACCOUNT, ASKED, proposed, LIMITED)
    assert refused.value.extra == {"maximum": 100 * GB}
    assert [fault.pointer for fault in refused.value.errors] == ["/query/quota_bytes"]


def test_no_decision_grants_a_larger_file_than_the_agency_allows():
    with pytest.raises(SizesWrong, match=f"At most {2 * GB} bytes"):
        suppose("application", ACCOUNT, ASKED, sizes(max_file_size_bytes=2 * GB + 1), LIMITED)


def test_what_was_asked_is_held_to_the_rules_of_now_too():
    lowered = replace(LIMITED, largest_quota_bytes=GB)
    with pytest.raises(QuotaAboveMaximum):
        suppose("application", ACCOUNT, ASKED, NONE, lowered)


def test_where_the_agency_has_no_rules_any_more_what_was_asked_is_the_most():
    assert suppose("application", ACCOUNT, ASKED, sizes(GB), JPA).approved.quota_bytes == GB
    with pytest.raises(QuotaAboveMaximum):
        suppose("application", ACCOUNT, ASKED, sizes(10 * GB + 1), JPA)


def test_a_person_sets_one_setting_after_the_other_and_nothing_to_take_a_service_away_but_that():
    on, off = by_hand("ipms", ON), by_hand("ipms", NOTHING_IN_FORCE)

    assert [(one.setting, one.from_, one.to) for one in on] == [
        ("bmt_enabled", None, True),
        ("max_file_size_bytes", None, GB),
    ]
    assert [(one.setting, one.from_, one.to) for one in off] == [("bmt_enabled", None, False)]
