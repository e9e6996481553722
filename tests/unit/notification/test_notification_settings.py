"""What notification must be told about the mail server."""

import base64
import json

import pytest
from fixtures import agencies
from fixtures.procedure import approved
from fixtures.samples import facts
from pydantic import ValidationError

from bmt.agencies import register
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import Approved
from bmt.contracts.webhooks import key_of, signature
from services.notification.settings import Settings
from services.notification.webhooks import receivers, without_deliveries, work_of

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


KEY = b"k" * 32

SECRET = "whsec_" + base64.b64encode(KEY).decode()

SHORT = "whsec_" + base64.b64encode(b"rahsia").decode()

HOOK = {
    "name": "payroll",
    "url": "https://payroll.example/bmt",
    "events": ["my.gov.bmt.Approved.v1"],
    "secret": "payroll",
}


@pytest.fixture
def declared(tmp_path):
    """`declared(url=..., webhook_secrets=...)`: the receivers, or why there are none."""

    def read(url: str = HOOK["url"], **variables):
        rules = agencies.written(tmp_path / "agencies.yaml", webhooks=[{**HOOK, "url": url}])
        given = {"webhook_secrets": json.dumps({"payroll": [SECRET]}), **variables}
        return receivers(register.read(rules), Settings(**{**NEEDED, **given}))

    return read


def test_a_webhook_has_the_keys_of_its_secret(declared):
    (one,) = declared(webhook_secrets=f"payroll: [{SECRET}]\nother: [{SECRET}, {SECRET}]")
    assert (one.agency, one.target, one.keys) == ("MAMPU", "webhook.MAMPU.payroll", (KEY,))


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ("{}", "BMT_WEBHOOK_SECRETS lacks payroll, which BMT_AGENCIES_FILE names in MAMPU.webhooks.payroll.secret"),
        ("other: [whsec_a", "BMT_WEBHOOK_SECRETS is wrong: line"),
        ("[a]", "BMT_WEBHOOK_SECRETS is wrong: "),
        ('{"payroll": []}', "BMT_WEBHOOK_SECRETS is wrong: payroll: "),
        (json.dumps({"payroll": [SECRET] * 3}), "BMT_WEBHOOK_SECRETS is wrong: payroll: "),
        (json.dumps({"payroll": ["rahsia"]}), "payroll.0: Value error, a webhook's secret is whsec_ and base64 of 24 to 64 bytes"),
        (json.dumps({"payroll": [SHORT]}), "payroll.0: Value error, a webhook's secret is whsec_"),
    ],
)  # fmt: skip
def test_a_missing_or_wrong_secret_is_told_by_its_name_and_never_itself(declared, secrets, says):
    with pytest.raises(WrongConfiguration) as refused:
        declared(webhook_secrets=secrets)
    assert says in str(refused.value)
    assert "rahsia" not in str(refused.value)
    assert SHORT not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "allow_http", "taken"),
    [
        ("https://payroll.example/bmt", False, True),
        ("http://127.0.0.1:9000/bmt", True, True),
        ("http://localhost:9000", True, True),
        ("http://[::1]:9000", True, True),
        ("http://127.0.0.1:9000/bmt", False, False),
        ("http://payroll.example/bmt", True, False),
        ("http://127.0.0.1.payroll.example/", True, False),
    ],
)
def test_what_leaves_the_machine_is_encrypted(declared, url, allow_http, taken):
    if taken:
        assert declared(url, allow_http=allow_http)
    else:
        with pytest.raises(WrongConfiguration, match=r"MAMPU\.webhooks\.payroll\.url: https://"):
            declared(url, allow_http=allow_http)


def test_the_signature_is_that_of_the_standards_own_example():
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def heard(topic: str) -> IncomingEvent[Approved]:
    event = approved(facts())
    envelope = Envelope(
        id="e1", source="/bmt/approval", type=event.TYPE, data=event.model_dump(mode="json")
    )
    return IncomingEvent(envelope, event, 1, "/bmt/approval/x", topic)


@pytest.mark.parametrize(
    ("topic", "items"),
    [
        ("bmt.decisions.v1", ["webhook.MAMPU.payroll.0:e1"]),
        ("webhook.MAMPU.payroll.0", ["webhook.MAMPU.payroll.1:e1"]),
        ("webhook.MAMPU.payroll.9", ["webhook.MAMPU.payroll.10:e1"]),
        ("webhook.MAMPU.other.0", []),
    ],
)
def test_what_is_retried_is_other_work_than_what_was_parked_and_for_its_receiver_alone(
    declared, topic, items
):
    due = work_of(declared())(heard(topic))
    assert [one.id for one in due] == items


async def test_no_handler_sees_what_an_operator_retries():
    """Its own event may have been handled so long ago that the stream was pruned: it would be handled anew."""
    seen = []

    async def handler(incoming):
        seen.append(incoming.topic)

    handlers = without_deliveries({Approved: handler})
    for topic in ("bmt.decisions.v1", "webhook.MAMPU.payroll.0"):
        await handlers[Approved](heard(topic))
    assert seen == ["bmt.decisions.v1"]
