"""Whose an account is, as the agencies' file and the directory say."""

import pytest
import yaml
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from bmt.agencies.register import AgenciesFileWrong

EVALUATION = register.read(AGENCIES_FILE)
SITI, LIM = "siti.mampu@mygovuc.gov.my", "lim.jpa@mygovuc.gov.my"


def agencies(**accounts):
    """The evaluation's, with these patterns by agency."""
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    for code, patterns in accounts.items():
        rules[code]["accounts"] = patterns
    return register.parse(rules)


@pytest.mark.parametrize(
    ("agency", "account", "named", "whose"),
    [
        ("MAMPU", SITI, (), "own"),
        ("MAMPU", SITI.upper(), (), "own"),
        ("MAMPU", LIM, (), "other"),
        ("MAMPU", "lim.jpa@mygovuc.gov.my.mampu@mygovuc.gov.my", (), "own"),
        ("MAMPU", "siti@mampu.gov.my", (), "unknown"),
        ("MAMPU", "siti@mampu.gov.my", ("MAMPU",), "own"),
        ("MAMPU", "siti@mampu.gov.my", ("JPA",), "other"),
        ("MAMPU", SITI, ("JPA",), "other"),
        ("JPA", SITI, ("JPA",), "other"),
        ("XYZ", SITI, (), "other"),
    ],
)
def test_an_account_is_who_claims_its_and_who_the_directory_names(agency, account, named, whose):
    assert EVALUATION.claims.belonging(agency, account, named) == whose


def test_an_account_that_is_written_out_is_decided_by_that_alone():
    moved = agencies(JPA=["*.jpa@mygovuc.gov.my", "Siti.Mampu@mygovuc.gov.my"]).claims
    assert moved.belonging("JPA", SITI) == "own"
    assert moved.belonging("JPA", SITI, ("MAMPU",)) == "own"
    assert moved.belonging("MAMPU", SITI, ("MAMPU",)) == "other"


def test_what_several_claim_is_everybodys_of_them():
    shared = agencies(MAMPU=["*"], JPA=["*"], KPM=[]).claims
    assert [shared.belonging(code, LIM) for code in ("MAMPU", "JPA", "KPM")] == [
        *("own", "own", "other")
    ]


def test_organisations_are_known_by_code_or_name_in_any_case():
    told = ("Kerajaan Malaysia", " jpa ", "kementerian pendidikan malaysia")
    assert EVALUATION.named(told) == {"JPA", "KPM"}


def test_patterns_make_a_version_of_the_rules():
    versions = {
        agencies(MAMPU=patterns).get("MAMPU").policy_version
        for patterns in ([], ["*.mampu@x.my"], ["*.mampu@y.my"])
    }
    assert len(versions) == 3


@pytest.mark.parametrize("pattern", ["", "siti ali", "[a-z]@x.my", "s?ti@x.my", 7])
def test_a_wrong_pattern_is_said_with_its_place(pattern):
    with pytest.raises(AgenciesFileWrong, match=r"MAMPU\.accounts\.0"):
        agencies(MAMPU=[pattern])
