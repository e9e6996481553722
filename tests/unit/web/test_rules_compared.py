"""What changed from one version of the rules to the next, rule by rule."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bmt.contracts.http.rules import RulesVersion
from web.console.rules import Difference, compared, differences

RULES = st.dictionaries(
    st.sampled_from("abc"),
    st.integers(0, 2) | st.booleans() | st.lists(st.integers(0, 1), max_size=2) | st.none(),
)


def version(number, rules):
    return RulesVersion(
        agency="MAMPU",
        number=number,
        policy_version=f"MAMPU-{number}",
        rules=rules,
        changed_by=None,
        changed_on=None,
        why=None,
        recorded_at=datetime(2026, 11, number, tzinfo=UTC),
    )


def test_each_rule_is_named_as_the_file_names_it():
    before = {"quota_bytes": {"default": 1, "maximum": 2}, "state": "johor", "old": True}
    after = {"quota_bytes": {"default": 1, "maximum": 3}, "state": "johor", "acting": [{"a": 1}]}
    assert list(differences(before, after)) == [
        Difference("acting", None, "a 1"),
        Difference("old", "True", None),
        Difference("quota_bytes.maximum", "2", "3"),
    ]


def test_each_version_stands_beside_the_one_before_it():
    newest_first = [version(number, {"levels": number}) for number in (3, 2, 1)]
    entries = compared(newest_first)
    assert [one.version.number for one in entries] == [3, 2, 1]
    assert entries[0].differences == [Difference("levels", "2", "3")]
    assert entries[-1].differences == ()
    assert compared([]) == []


@given(RULES, RULES)
def test_nothing_differs_from_itself_and_back_is_the_other_way_round(one, other):
    assert not list(differences(one, one))
    there = [(each.rule, each.before, each.after) for each in differences(one, other)]
    back = [(each.rule, each.after, each.before) for each in differences(other, one)]
    assert there == back
