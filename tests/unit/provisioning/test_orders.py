"""What approving would order, and which sizes no decision could grant."""

from dataclasses import replace

import pytest
from fixtures.alone import Alone
from fixtures.samples import GB
from orders import JPA, MAMPU, ON, completed, due

from bmt.contracts.events import EffectiveIpms, Granted
from services.provisioning.connectors.targets import Worklist, instructions
from services.provisioning.domain.errors import SizesWrong
from services.provisioning.domain.order import NOTHING_IN_FORCE, by_hand, goal, suppose

ACCOUNT = "ahmad.mampu@mygovuc.gov.my"

ASKED = Granted(quota_bytes=10 * GB, max_file_size_bytes=GB)

NONE = Granted(quota_bytes=None, max_file_size_bytes=None)

LIMITED = replace(MAMPU, largest_quota_bytes=100 * GB, largest_file_bytes=2 * GB)
SHOWN = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_500_000_000)


def sizes(quota_bytes=None, max_file_size_bytes=None):
    return Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)


def test_approving_as_asked_wants_what_the_approval_itself_would_want():
    supposed = suppose("application", ACCOUNT, ASKED, NONE, LIMITED)

    assert goal(supposed) == goal(due()) == ON
    assert (supposed.ipms_connector, supposed.account) == (due().ipms_connector, due().account)


def test_a_termination_takes_all_away_and_takes_no_sizes():
    supposed = suppose("termination", ACCOUNT, NONE, NONE, LIMITED)
    assert goal(supposed) == NOTHING_IN_FORCE

    with pytest.raises(SizesWrong) as refused:
        suppose("termination", ACCOUNT, NONE, sizes(GB, GB), LIMITED)
    pointers = [fault.pointer for fault in refused.value.errors]
    assert pointers == ["/query/quota_bytes", "/query/max_file_size_bytes"]


@pytest.mark.parametrize(
    ("proposed", "policy", "pointer"),
    [
        (sizes(100 * GB + 1), LIMITED, "/query/quota_bytes"),
        (sizes(2**53 - 1), LIMITED, "/query/quota_bytes"),
        (sizes(max_file_size_bytes=2 * GB + 1), LIMITED, "/query/max_file_size_bytes"),
        (NONE, replace(LIMITED, largest_quota_bytes=GB), "/query/quota_bytes"),
        (sizes(10 * GB + 1), JPA, "/query/quota_bytes"),
    ],
    ids=["too much", "far too much", "too large a file", "as asked, by today's rules", "no rules"],
)
def test_no_decision_grants_more_than_the_agency_allows(proposed, policy, pointer):
    with pytest.raises(SizesWrong) as refused:
        suppose("application", ACCOUNT, ASKED, proposed, policy)
    assert [fault.pointer for fault in refused.value.errors] == [pointer]
    above = pointer == "/query/quota_bytes"
    assert refused.value.problem == ("quota_exceeds_maximum" if above else "validation_failed")


def test_both_sizes_that_are_too_large_are_named():
    with pytest.raises(SizesWrong) as refused:
        suppose("application", ACCOUNT, ASKED, sizes(101 * GB, 3 * GB), LIMITED)
    assert (refused.value.problem, refused.value.extra) == (
        "quota_exceeds_maximum",
        {"maximum": 100 * GB},
    )
    assert [fault.values["maximum_bytes"] for fault in refused.value.errors] == [100 * GB, 2 * GB]


@pytest.mark.parametrize(
    ("proposed", "policy"),
    [(sizes(GB, 2 * GB), LIMITED), (sizes(GB), JPA)],
    ids=["both", "without rules"],
)
def test_other_sizes_can_be_seen_one_by_one(proposed, policy):
    granted = suppose("application", ACCOUNT, ASKED, proposed, policy).approved
    assert granted.quota_bytes == GB
    assert granted.max_file_size_bytes == (proposed.max_file_size_bytes or GB)


def test_a_person_sets_one_setting_after_the_other_and_nothing_to_take_a_service_away_but_that():
    on, off = by_hand("ipms", ON), by_hand("ipms", NOTHING_IN_FORCE)

    assert [(one.setting, one.from_, one.to) for one in on] == [
        ("bmt_enabled", None, True),
        ("max_file_size_bytes", None, GB),
    ]
    assert [(one.setting, one.from_, one.to) for one in off] == [("bmt_enabled", None, False)]


def test_it_says_exactly_what_to_turn_on_in_malay_then_in_english():

    malay, english = instructions(ACCOUNT, SHOWN).split("\n\n")

    for text in (malay, english):
        assert ACCOUNT in text
        assert "2500000000" in text
        assert "(2.5 GB)" in text
    assert "Hidupkan perkhidmatan" in malay
    assert "Turn the service" in english


async def test_what_an_officer_states_is_confirmed_and_not_read_back():
    statement = completed()

    said = await Alone(Worklist(SHOWN, statement)).read_back(ACCOUNT)
    unsaid = await Alone(Worklist(SHOWN, None)).read_back(ACCOUNT)

    assert said.read_back_at is None
    assert (said.confirmed_by, said.confirmed_at) == (
        statement.completed_by,
        statement.completed_at,
    )
    assert (said.effective, said.documents) == (SHOWN, statement.evidence)
    assert (unsaid.effective, unsaid.read_back_at, unsaid.confirmed_by) == (None, None, None)
