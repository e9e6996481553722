"""The rules in words, what differs between two versions, and where the form shows what is wrong."""

from datetime import date

import pytest
import yaml
from fixtures.service import AGENCIES_FILE
from starlette.datastructures import FormData

from bmt.agencies import register
from bmt.agencies.register import whole_rules
from web.console import area
from web.console.agency import Difference, differences, in_words
from web.console.rules_form import RulesForm
from web.forms import FormWrong, SubmittedForm
from web.layout import Languages

TODAY = date(2026, 12, 1)
SITI = {
    "officer": "siti.mampu@mygovuc.gov.my",
    "officer_name": "Siti binti Ali",
    "on_behalf_of": "Pengarah ICT",
    "from": date(2026, 12, 1),
    "until": date(2026, 12, 31),
}


def rules(**changes):
    written = yaml.safe_load(AGENCIES_FILE.read_text())
    written["MAMPU"] |= changes
    return register.parse(written).get("MAMPU").rules


@pytest.fixture(scope="module")
def malay():
    return Languages([area.AREA.folder / "locale"])._by_code["ms"]


def test_each_rule_that_differs_is_told_with_what_went_and_what_came(malay):
    before = whole_rules(rules(closed_days=[date(2026, 12, 24), date(2027, 1, 4)]))
    after = whole_rules(rules(closed_days=[date(2027, 1, 4)], acting=[SITI], approval_levels=2))
    acting = "Siti binti Ali (siti.mampu@mygovuc.gov.my) bagi pihak Pengarah ICT, 1 Disember 2026 – 31 Disember 2026"
    assert differences(before, after, malay) == [
        Difference(
            "Kelulusan yang diperlukan", ["Seorang pentadbir"], ["Dua pentadbir yang berlainan"]
        ),
        Difference("Bertindak bagi pihak", [], [acting]),
        Difference("Hari agensi ditutup", ["24 Disember 2026"], []),
    ]


def test_a_version_with_keys_that_are_no_longer_known_is_told_all_the_same(malay):
    old = whole_rules(rules())
    assert in_words({**old, "fax": 1}, malay) == in_words(old, malay)


def form(**typed):
    start = RulesForm.of_rules(rules(acting=[SITI]), 3, TODAY)
    return RulesForm.of(SubmittedForm(FormData({**start.typed, **typed}), "k"))


def test_the_form_makes_the_change_that_it_shows():
    change = form(
        **{"closed-1": "2026-12-24", "reject": "Satu.\n\n Dua.", "why": "Arahan."}
    ).change(TODAY)
    assert (change["number"], change["in_force_from"]) == (3, "2026-12-01")
    assert change["rules"]["closed_days"] == ["2026-12-24"]
    assert change["rules"]["prepared_reasons"]["reject"] == ["Satu.", "Dua."]
    assert change["rules"]["acting"][0]["officer_name"] == "Siti binti Ali"
    emptied = form(**{f"acting-0-{name}": "" for name in SITI}, why="Arahan.")
    assert emptied.change(TODAY)["rules"]["acting"] == []


def test_a_day_that_has_passed_is_told_with_the_other_faults():
    with pytest.raises(FormWrong) as refused:
        form(decide="0", in_force_from="2026-11-30", why="Arahan.").change(TODAY)
    told = {one.pointer: one.code for one in refused.value.errors}
    assert told["/in_force_from"] == "day_passed"
    assert "/rules/charter_working_days/decide" in told


def test_a_name_that_was_not_typed_is_the_directorys():
    new = {"acting-1-officer": "ravi.mampu", "acting-1-on_behalf_of": "Pengarah"}
    typed = form(**new)
    assert typed.unnamed() == {"ravi.mampu"}
    named = typed.naming({"ravi.mampu": "Ravi a/l Krishnan", SITI["officer"]: "Orang lain"})
    assert named.value("acting-1-officer_name") == "Ravi a/l Krishnan"
    assert named.value("acting-0-officer_name") == "Siti binti Ali"
    assert typed.naming({}).value("acting-1-officer_name") == ""


def test_every_fault_is_told_at_once_beside_its_field():
    wrong = form(
        **{
            "quota_default": "200",
            "max_file_size_bytes": "banyak",
            "decide": "0",
            "notify": "1" * 5000,
            "acting-0-officer": "",
            "acting-0-until": "2026-11-30",
            "acting-2-officer": "siti.mampu@mygovuc.gov.my",
            "acting-2-from": "",
            "closed-1": "esok",
            "reject": "x" * 301,
            "in_force_from": "",
        }
    )
    with pytest.raises(FormWrong) as refused:
        wrong.change(TODAY)
    told = wrong.field_faults(refused.value)
    assert len(told) == 13
    assert {one.field: one.fault.code for one in told} == {
        "max_file_size_bytes": "not_gigabytes",
        "quota_maximum": "usual_above_maximum",
        "decide": "below_minimum",
        "notify": "not_a_whole_number",
        "acting-0-officer": "required",
        "acting-0-until": "until_before_from",
        "acting-2-on_behalf_of": "required",
        "acting-2-from": "required",
        "acting-2-until": "required",
        "closed-1": "not_a_day",
        "reject": "too_long",
        "in_force_from": "not_a_day",
        "why": "required",
    }


def test_a_fault_of_the_decider_leads_to_its_row():
    second = form(**{f"acting-2-{name}": str(value) for name, value in SITI.items()})
    assert second.place_of("/rules/acting/1/officer") == "acting-2-officer"
    assert second.place_of("/rules/acting") == "acting-0-officer"
    assert second.place_of("/in_force_from") == "in_force_from"
