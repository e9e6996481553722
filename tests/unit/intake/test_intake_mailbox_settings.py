"""BMT_MAILBOXES: what it may say, and how it is refused without telling a secret."""

import json

import pytest
from submissions import AGENCIES

from bmt.chassis.errors import WrongConfiguration
from services.intake.imap import mailboxes

RIGHT = {"host": "imap.mampu.gov.my", "user": "bmt@mampu.gov.my", "password": "rahsia"}


def given(agency="MAMPU", **changes):
    values = {name: value for name, value in (RIGHT | changes).items() if value is not None}
    return json.dumps({agency: values})


def test_yaml_and_json_are_read_and_tls_is_the_default():
    text = "MAMPU: {host: imap.mampu.gov.my, user: bmt, password: rahsia}\nJPA: {host: m, user: u, password: x, security: starttls}"
    found = mailboxes(text, AGENCIES)
    assert [(box.security, box.tcp_port) for box in found.values()] == [
        ("tls", 993),
        ("starttls", 143),
    ]
    assert mailboxes(given(), AGENCIES)["MAMPU"].folder == "INBOX"


def test_a_password_may_stand_in_a_file_of_its_own(tmp_path):
    file = tmp_path / "password"
    file.write_text("rahsia surat\n")
    found = mailboxes(given(password=None, password_file=str(file)), AGENCIES)
    assert found["MAMPU"].secret() == "rahsia surat"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (given("XYZ"), "XYZ: there is no such agency; there are JPA, KPM, MAMPU"),
        (given("KPM"), "KPM: the agency receives no e-mail"),
        (given(port=70000), "MAMPU.port"),
        (given(security="ssl"), "MAMPU.security"),
        (given(host="imap://x"), "MAMPU.host"),
        (given(passwort="rahsia"), "MAMPU.passwort"),
        (given(password=None), "either password or password_file"),
        (given(password_file="x"), "either password or password_file"),
        (given(password=None, password_file="tiada"), "MAMPU.password_file: it cannot be read"),
        ("[rahsia", "it is not YAML"),
        ("MAMPU: {host: a, host: rahsia}", "line 1: host stands there twice, first in line 1"),
        ("rahsia", "valid dictionary"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_told(text, why):
    with pytest.raises(WrongConfiguration) as refused:
        mailboxes(text, AGENCIES)
    assert str(refused.value).startswith("BMT_MAILBOXES is wrong: ")
    assert why in str(refused.value)
    assert "rahsia" not in str(refused.value)


def test_no_secret_is_in_what_a_mailbox_says_of_itself():
    assert "rahsia" not in repr(mailboxes(given(), AGENCIES))
