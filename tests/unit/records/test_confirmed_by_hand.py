"""On paper, what an officer confirmed is not called read back; a retry has its name and its reason."""

import io
from datetime import timedelta

import bundles
import pytest
from fixtures.procedure import OFFICER, approved, configured, notified, started
from fixtures.samples import MONDAY, facts, received
from pypdf import PdfReader

from bmt.contracts.events import ConfigurationFailed, Evidence, Retried, not_read_back
from services.records.bundle import RecordPaper
from services.records.time_machine import state_of

REQUEST = facts()
STORAGE = Evidence(target="storage", connector="copyparty", read_back_at=MONDAY)
BEFORE = Evidence(target="ipms", connector="worklist", read_back_at=MONDAY)
CONFIRMED = Evidence(target="ipms", connector="worklist", confirmed_by=OFFICER, confirmed_at=MONDAY)
ELSEWHERE = Evidence(target="ipms", connector="bulk", confirmed_by=OFFICER, confirmed_at=MONDAY)
READ = Evidence(target="ipms", connector="scim", read_back_at=MONDAY)
RETRY = Retried(by=OFFICER, at=MONDAY + timedelta(hours=1), reason="IPMS is mended.")


def filed(event):
    events = (received(REQUEST), approved(REQUEST), event, notified(REQUEST, "configured"))
    return bundles.file(REQUEST.request_id, events=events)


def words(event) -> str:
    pdf = RecordPaper("", bundles.SIGNER).pdf(filed(event))
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize(
    ("ipms", "by_hand"),
    [(CONFIRMED, ("ipms",)), (BEFORE, ("ipms",)), (ELSEWHERE, ("ipms",)), (READ, ())],
)
def test_the_paper_says_what_was_not_read_back(ipms, by_hand):
    event = configured(REQUEST, evidence=(STORAGE, ipms))

    assert not_read_back(event.model_dump(mode="json")) == by_hand
    assert ipms.was_read_back == (not by_hand)
    assert ("confirmed by an officer, not read back" in words(event)) == bool(by_hand)
    told = state_of(REQUEST, [leaf.event for leaf in filed(event).leaves], None)
    assert (told.status, told.not_read_back) == ("notified", by_hand)


@pytest.mark.parametrize(
    "event",
    [
        started(REQUEST).model_copy(update={"retry": RETRY}),
        ConfigurationFailed(
            request=REQUEST, target="ipms", reason="no", retryable=True, retry=RETRY
        ),
    ],
)
def test_the_paper_says_who_tried_again_and_why(event):
    assert f"{OFFICER.name}: IPMS is mended." in words(event)
