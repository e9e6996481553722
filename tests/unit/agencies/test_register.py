"""agencies.yaml is read once; what is wrong with it is one line that names the variable."""

import pytest
import yaml
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from bmt.agencies.register import AgenciesFileWrong, UnknownAgency


def wrong(path) -> str:
    with pytest.raises(AgenciesFileWrong) as refused:
        register.read(path)
    return str(refused.value)


def test_the_evaluations_agencies_are_read():
    agencies = register.read(AGENCIES_FILE)
    assert {agency.code for agency in agencies} == {"MAMPU", "JPA", "KPM"}


def test_an_unknown_agency_is_refused_with_those_there_are():
    with pytest.raises(UnknownAgency) as refused:
        register.read(AGENCIES_FILE).get("LAMA")
    assert refused.value.errors[0].detail == "must be one of JPA, KPM, MAMPU"


def test_a_file_that_is_not_there_is_said_with_its_variable(tmp_path):
    path = tmp_path / "none.yaml"
    assert wrong(path) == (
        f"BMT_AGENCIES_FILE is wrong: {path} cannot be read: No such file or directory"
    )


@pytest.mark.parametrize("content", [b"MAMPU: {", b"\xff\xfe\xfd"])
def test_a_file_that_is_not_yaml_is_said_on_one_line(tmp_path, content):
    path = tmp_path / "agencies.yaml"
    path.write_bytes(content)
    assert wrong(path).startswith(f"BMT_AGENCIES_FILE is wrong: {path} is not YAML: ")
    assert "\n" not in wrong(path)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("state", "atlantis", "MAMPU.state"),
        ("charter_working_days", {"decide": 0}, "MAMPU.charter_working_days.decide"),
        ("unknown", 1, "MAMPU.unknown"),
        ("quota_bytes", {"default": 2, "maximum": 1}, "default must not be above maximum"),
    ],
)
def test_a_wrong_rule_is_said_with_its_agency_and_field(tmp_path, field, value, says):
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    rules["MAMPU"][field] = value
    path = tmp_path / "agencies.yaml"
    path.write_text(yaml.safe_dump(rules))
    assert says in wrong(path)


def test_any_change_of_the_rules_is_a_new_policy_version(tmp_path):
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    before = register.parse(rules).get("MAMPU").policy_version
    assert register.parse(rules).get("MAMPU").policy_version == before
    rules["MAMPU"]["charter_working_days"]["decide"] = 4
    assert register.parse(rules).get("MAMPU").policy_version != before


def test_who_is_reminded_of_the_charter_changes_no_policy_version():
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    before = register.parse(rules).get("MAMPU").policy_version
    rules["MAMPU"] |= {"office_email": "pejabat@mampu.gov.my", "remind_working_days_before": 2}
    rules["MAMPU"] |= {"escalation_email": "ketua@mampu.gov.my"}
    assert register.parse(rules).get("MAMPU").policy_version == before
