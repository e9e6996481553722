"""What real mail systems and programs send to an office's mailbox: each message is what a person would take it for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from eventually import eventually
from fixtures.dovecot import server
from fixtures.samples import facts
from intake_callers import INBOUND
from office import Office, document_id, what_became

from bmt.contracts.events import NotificationPrepared
from bmt.contracts.values import Applicant

pytestmark = [pytest.mark.integration, pytest.mark.dovecot]

FOLDER = Path(__file__).parents[2] / "cases" / "mailbox"
EXPECTED: Mapping[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text())
ADDRESS = "ujian9.mampu@mygovuc.gov.my"
REQUEST = facts(
    reference="BMT-MAMPU-2026-7K3QF9ZT",
    applicant=Applicant(account=ADDRESS, name="Ujian", email=ADDRESS),
)
NOTICE = NotificationPrepared(
    request=REQUEST,
    about="acknowledgement",
    channel="email",
    recipient=ADDRESS,
    message_id="<01a2223f-d094-706a-a00c-ed71b6d50070@mygovuc.gov.my>",
)


def key_of(path: Path) -> str:
    """`029a` for `029-delivered-twice-a`, `401` for the others."""
    number = path.stem[:3]
    return number if number in EXPECTED else number + path.stem[-1]


FILES = {key_of(path): path for path in sorted(FOLDER.glob("*.eml"))}


@pytest.fixture(scope="module")
def mailbox():
    with server() as dovecot:
        yield dovecot


@pytest.fixture(scope="module")
async def became(mailbox, shared, mongodb, variables) -> Mapping[str, Any]:
    """By case: what it was taken for, and the event that says so; nothing for a copy."""
    office = Office(mailbox, shared, mongodb, variables)
    await shared.wire.create(INBOUND)
    async with office.intake():
        await shared.wire.say(NOTICE)
        await eventually(office.knows(REQUEST.request_id))
        await office.takes(*(path.read_bytes() for path in FILES.values()))
    contents = (content for _, content in mailbox.there().values())
    names = {document_id(content): name for name, content in zip(FILES, contents, strict=True)}
    found = {}
    for commit in await office.commits():
        document, kind = what_became(commit)
        found[names[document]] = (kind, commit["events"][0]["data"])
    office.close()
    return found


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_message_is_what_its_line_says(became, name):
    expected = EXPECTED[name]
    kind, said = became.get(name, ("known", {}))
    assert kind == expected["becomes"]
    if kind == "bounce":
        about = REQUEST.request_id if expected["about"] else None
        assert said["bounce"]["request_id"] == about
    if "quota_bytes" in expected:
        assert said["request"]["quota_bytes"] == expected["quota_bytes"]


@pytest.mark.parametrize("name", [name for name in EXPECTED if "kept" in EXPECTED[name]])
async def test_every_attachment_is_accounted_for(became, name):
    expected, (_, said) = EXPECTED[name], became[name]
    whole, *kept = said["documents"]
    assert whole["filename"] == "message.eml"
    assert {one["filename"]: one["media_type"] for one in kept} == expected["kept"]
    not_shown = {one["filename"]: one["reason"] for one in said.get("not_shown", ())}
    assert not_shown == expected.get("not_shown", {})


async def test_the_table_of_cases_is_whole():
    assert set(EXPECTED) == set(FILES)
