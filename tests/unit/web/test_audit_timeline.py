"""What auditors read of a file: what happened, by whom, and what was not read back, also of an event that was tampered with."""

from datetime import timedelta

import pytest
from fixtures.procedure import OFFICER, configured, opened, started
from fixtures.samples import MONDAY, facts, received

from bmt.contracts.events import ConfigurationFailed, Evidence, Retried
from web.audit.timeline import FiledEvent, timeline

REQUEST = facts()
STORAGE = Evidence(target="storage", connector="copyparty", read_back_at=MONDAY)
CONFIRMED = Evidence(target="ipms", connector="worklist", confirmed_by=OFFICER, confirmed_at=MONDAY)
RETRY = Retried(by=OFFICER, at=MONDAY + timedelta(hours=1), reason="IPMS is mended.")


def filed(event, index=1, at=MONDAY):
    return FiledEvent(
        index=index,
        hash="0" * 64,
        type=type(event).TYPE,
        time=at.isoformat(),
        data=event.model_dump(mode="json", by_alias=True),
    )


def test_events_stand_in_the_order_in_which_they_happened():
    later = MONDAY + timedelta(minutes=1)
    events = [filed(opened(REQUEST), 1, later), filed(received(REQUEST), 2)]
    assert [one.what for one in timeline(events)] == ["Permohonan diterima", "Semakan dibuka"]


def test_it_says_what_was_not_read_back():
    (happening,) = timeline([filed(configured(REQUEST, evidence=(STORAGE, CONFIRMED)))])
    assert happening.not_read_back == ("ipms",)
    assert happening.by == OFFICER.name


@pytest.mark.parametrize(
    "event",
    [
        started(REQUEST).model_copy(update={"retry": RETRY}),
        ConfigurationFailed(
            request=REQUEST, target="ipms", reason="no", retryable=True, retry=RETRY
        ),
    ],
)
def test_it_says_who_tried_again_and_why(event):
    (happening,) = timeline([filed(event)])
    assert (happening.retried_by, happening.retry_reason) == (OFFICER.name, "IPMS is mended.")


def test_what_was_tampered_with_is_no_obstacle():
    whole = filed(configured(REQUEST, evidence=(STORAGE,)))
    for evidence in (None, "none", [None], [{}], {}):
        tampered = whole.model_copy(update={"data": {**whole.data, "evidence": evidence}})
        assert len(timeline([tampered])) == 1
    for changed in ({"data": "nothing"}, {"time": 7}, {"time": "soon"}, {"type": None}):
        assert len(timeline([whole.model_copy(update=changed)])) == 1
    assert len(timeline([FiledEvent(index=1, hash="0" * 64)])) == 1
