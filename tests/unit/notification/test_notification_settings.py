"""What notification must be told about the mail server."""

import pytest
from pydantic import ValidationError

from services.notification.settings import Settings

NEEDED = {
    "port": 1,
    "kafka_bootstrap_servers": "kafka:9092",
    "mongodb_uri": "mongodb://mongodb",
    "issuer": "https://issuer.example",
    "agencies_file": "agencies.yaml",
    "smtp_host": "mail.example",
    "smtp_sender": "bmt@mampu.gov.my",
}


def test_message_ids_end_in_the_senders_domain():
    assert Settings(**NEEDED).mail_domain == "mampu.gov.my"


@pytest.mark.parametrize("sender", ["bmt", "BMT <bmt@mampu.gov.my>", "bmt@mampu.gov.my\nBcc: x"])
def test_a_sender_is_one_plain_address(sender):
    with pytest.raises(ValidationError, match="smtp_sender"):
        Settings(**{**NEEDED, "smtp_sender": sender})


@pytest.mark.parametrize("name", ["smtp_username", "smtp_password"])
def test_a_login_is_whole_or_not_there(name):
    with pytest.raises(ValidationError, match="BMT_SMTP_USERNAME and BMT_SMTP_PASSWORD"):
        Settings(**NEEDED, **{name: "x"})


@pytest.mark.parametrize("web", ["https://bmt.example", "https://bmt.example/"])
def test_messages_lead_below_the_one_address_of_the_pages(web):
    settings = Settings(**NEEDED, web_url=web)
    assert settings.status_url == "https://bmt.example/my"
    assert settings.console_url == "https://bmt.example/console"
    assert settings.status_page_url == "https://bmt.example/status/"
