"""What `bmt.integrator` takes for a webhook of bmt; `standardwebhooks` has signed it."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from bmt.integrator import Unverified, verify_webhook

OURS, OLD, OTHER = (
    "whsec_" + base64.b64encode(letter * 24).decode() for letter in (b"o", b"l", b"x")
)
EVENT = {
    "specversion": "1.0",
    "id": "01a22e08-2daf-74e7-88f6-4bf745ab0877",
    "source": "/bmt/approval",
    "type": "my.gov.bmt.Approved.v1",
    "time": "2026-11-30T09:00:00Z",
    "sequence": "2",
    "data": {"request": {"agency": "MAMPU"}},
}


def signed(*secrets: str, at: datetime | None = None, id_: str = "", body: bytes = b""):
    body = body or json.dumps(EVENT).encode()
    at, id_ = at or datetime.now(UTC), id_ or EVENT["id"]
    signatures = [Webhook(one).sign(id_, at, body.decode()) for one in secrets]
    headers = {
        "Webhook-Id": id_,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": " ".join(["v1a,bm8=", *signatures]),
    }
    return headers, body


@pytest.mark.parametrize("secrets", [(OURS,), (OLD, OURS), (OURS, OLD)])
def test_what_one_of_our_secrets_signed_is_the_event(secrets):
    event = verify_webhook(*signed(*secrets), [OURS])
    assert (event.id, event.type, event.sequence) == (EVENT["id"], EVENT["type"], "2")
    assert event.data == EVENT["data"]


def test_while_secrets_change_over_the_receiver_may_have_both():
    assert verify_webhook(*signed(OLD), [OURS, OLD])


def test_what_another_signed_is_not_believed():
    with pytest.raises(Unverified, match="none of these secrets"):
        verify_webhook(*signed(OTHER), [OURS, OLD])


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
@pytest.mark.parametrize("value", [None, "", "1", "²", "9" * 5000, "v1,é"])
def test_a_header_that_is_missing_or_changed_is_refused(name, value):
    headers, body = signed(OURS)
    headers = {**headers, name: value} if value is not None else {**headers, name: ""}
    with pytest.raises(Unverified):
        verify_webhook(headers, body, [OURS])
    del headers[name]
    with pytest.raises(Unverified):
        verify_webhook(headers, body, [OURS])


def test_a_changed_body_is_refused():
    headers, body = signed(OURS)
    with pytest.raises(Unverified):
        verify_webhook(headers, body.replace(b"MAMPU", b"JPA"), [OURS])


@pytest.mark.parametrize("away", [-301, 302])
def test_what_was_signed_too_long_ago_or_in_the_future_is_refused(away):
    with pytest.raises(Unverified, match="300 s away"):
        verify_webhook(*signed(OURS, at=datetime.now(UTC) + timedelta(seconds=away)), [OURS])


def test_the_id_that_is_signed_is_the_events():
    with pytest.raises(Unverified, match="not the event's id"):
        verify_webhook(*signed(OURS, id_="another"), [OURS])


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"specversion": "1.0"}'])
def test_what_is_signed_and_no_event_is_refused(body):
    with pytest.raises(Unverified):
        verify_webhook(*signed(OURS, body=body), [OURS])


def test_a_secret_that_is_none_is_told_without_itself():
    with pytest.raises(ValueError, match="whsec_ and base64") as refused:
        verify_webhook(*signed(OURS), ["rahsia"])
    assert "rahsia" not in str(refused.value)
