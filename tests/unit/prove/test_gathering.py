"""What lies in files is taken as it lies there."""

import json
from pathlib import Path

import httpx
import pytest

from prove import collectors, outside_systems
from prove.evidence import Change, Endpoints, Sample, Volume

EXTENSION = outside_systems.EXTENSION


@pytest.fixture
def where(tmp_path):
    ready = {
        "mail": {"maildir": str(tmp_path / "mail")},
        "services": {"intake": {"url": "http://intake"}},
    }
    journal = tmp_path / "accounts.jsonl"
    return Endpoints(ready, "", tmp_path / "log", "token", {}, ipms_journal=journal)


def test_ipms_tells_by_its_journal_what_each_account_became_in_order(where):
    user = {"id": "1", "userName": "siti", "meta": {"lastModified": "2026-11-24T09:00:00Z"}}
    given = {**user, EXTENSION: {"bmtEnabled": True, "maxFileSizeBytes": "2000000000"}}
    lines = [user, {"id": "2", "displayName": "a group"}, given, {"id": "1", "deleted": True}]
    cut = "".join(json.dumps(line) + "\n" for line in lines) + '{"id": "3", "userNa'
    where.ipms_journal.write_text(cut)
    at = "2026-11-24T09:00:00Z"
    assert outside_systems.read_changes(where) == (
        Change(1, "siti", at, bmt_enabled=False, max_file_size_bytes=None),
        Change(3, "siti", at, bmt_enabled=True, max_file_size_bytes=2_000_000_000),
    )


def test_a_mail_is_the_same_whomever_it_was_delivered_to(where):
    new = Path(where.ready["mail"]["maildir"]) / "new"
    new.mkdir(parents=True)
    message = b"Message-ID: <1@bmt>\r\nSubject: Status\r\n\r\nTuan,\r\n"
    for name in ("siti", "ravi"):
        envelope = f"Return-Path: <bmt>\r\nDelivered-To: {name}\r\n".encode()
        (new / name).write_bytes(envelope + message)
    (new / "other").write_bytes(message.replace(b"Tuan", b"Puan"))
    mails = {mail.file: mail for mail in outside_systems.read_mails(where)}
    assert {mail.message_id for mail in mails.values()} == {"<1@bmt>"}
    assert mails["siti"].recipients == ("siti",)
    assert mails["siti"].digest == mails["ravi"].digest != mails["other"].digest


def _storage(status: int, body: str, let_in: int) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PROPFIND":
            return httpx.Response(status, text=body)
        return httpx.Response(let_in)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_what_is_used_and_what_is_left_of_a_volume_is_its_quota():
    body = "<D:quota-available-bytes>4999</D:quota-available-bytes><D:quota-used-bytes>1</D:quota-used-bytes>"
    part = {"url": "http://storage", "owners": {"siti": "secret"}}
    async with _storage(207, body, 200) as client:
        found = await outside_systems._volume(client, part, "siti")
    assert found == Volume("siti", open=True, quota_bytes=5000)


async def test_a_volume_that_its_owner_cannot_enter_is_closed():
    part = {"url": "http://storage", "owners": {"siti": "secret"}}
    async with _storage(404, "", 403) as client:
        assert await outside_systems._volume(client, part, "siti") == Volume("siti", False, None)
    async with _storage(404, "", 200) as client:
        assert await outside_systems._volume(client, {**part, "owners": {}}, "x") == Volume(
            "x", False, None
        )


async def test_metrics_are_read_with_their_labels(where):
    text = '# HELP x y\nbmt_requests{agency="MAMPU",status="filed"} 3.0\nup 1\n'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    async with httpx.AsyncClient(transport=transport) as client:
        found = await collectors._samples(collectors.AuditorClient(where, client), "intake")
    labels = {"agency": "MAMPU", "status": "filed"}
    assert found == [Sample("intake", "bmt_requests", labels, 3), Sample("intake", "up", {}, 1)]
