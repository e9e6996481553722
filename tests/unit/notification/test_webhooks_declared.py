"""What notification refuses of agencies' webhooks and their secrets, before it starts."""

import base64
import json

import pytest
from fixtures import agencies
from test_notification_settings import NEEDED

from bmt.agencies import register
from bmt.chassis.errors import WrongConfiguration
from bmt.contracts.webhooks import key_of, signature
from services.notification.settings import Settings
from services.notification.webhooks import receivers

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
