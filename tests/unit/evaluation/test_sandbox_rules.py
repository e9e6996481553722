"""How the administrator of `bmt sandbox` decides: by the first word of a justification, from a file."""

import pytest

from bmt.chassis.errors import WrongConfiguration
from evaluation.sandbox import DEFAULT_RULES, read_rules, rule_for, write_connection


@pytest.mark.parametrize(
    ("justification", "decision"),
    [
        ("Fail besar", "approve"),
        ("reject this one", "reject"),
        ("Return: no quota", "return"),
        ("WITHDRAW", "withdraw"),
        ("wait, please", "wait"),
        ("approve, and do not reject", "approve"),
        (" \n", "approve"),
    ],
)
def test_the_first_word_of_the_justification_decides(justification, decision):
    assert rule_for(justification, read_rules(DEFAULT_RULES)).decision == decision


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("default: {decision: approve}\nno: {decision: reject}", "/no/reason: This is needed."),
        ("default: {decision: maybe}", "/default: One of these is needed: approve, wait, reject"),
        ("default: {decision: approve, after: 3}", "/default/after: There is no such field."),
        ("no: {decision: wait}", "/default: This is needed."),
        ("default: {decision: approve}\ndefault: {decision: wait}", "default stands there twice"),
        ("- approve", "A JSON object is needed."),
        ("", "A JSON object is needed."),
    ],
)
def test_rules_that_are_wrong_are_refused_with_their_field(tmp_path, text, wrong):
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(WrongConfiguration, match=wrong) as told:
        read_rules(file)
    assert str(file) in str(told.value)


def test_rules_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(WrongConfiguration, match="No such file"):
        read_rules(tmp_path / "none.yaml")


def test_the_connection_is_what_the_client_reads_and_for_its_owner_alone(tmp_path):
    pytest.importorskip("aiokafka")
    from bmt.integrator import Connection

    kafka = {
        "bootstrap_servers": "127.0.0.1:8120",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "principals": {"hrmis": "secret", "observer": "other"},
    }
    file = write_connection({"data": str(tmp_path), "kafka": kafka})
    connection = Connection.read(file)
    assert (connection.inbound, connection.username) == ("bmt.inbound.hrmis.v1", "hrmis")
    assert connection.password.get_secret_value() == "secret"
    assert file.stat().st_mode & 0o077 == 0
