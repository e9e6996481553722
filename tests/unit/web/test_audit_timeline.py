"""What auditors read of a file: what happened, by whom, and what was not read back, also of an event that was tampered with."""

from datetime import timedelta

import pytest
from fixtures.procedure import OFFICER, approved, configured, opened, started
from fixtures.samples import GB, MONDAY, facts, received

from bmt.contracts.events import ConfigurationFailed, Endorsement, Evidence, Granted, Retried
from bmt.contracts.values import Submitter
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


def test_it_says_what_was_granted_by_whom_and_in_spite_of_what():
    endorsement = Endorsement(
        level=1,
        endorsed_by=OFFICER,
        endorsed_at=MONDAY,
        approved=Granted(quota_bytes=7 * GB, max_file_size_bytes=GB),
        exception_reason="Disahkan.",
    )
    decided = approved(
        REQUEST,
        approved=Granted(quota_bytes=15 * GB, max_file_size_bytes=GB),
        exception_reason="Disahkan juga.",
        on_behalf_of="Pengarah",
        endorsements=(endorsement,),
    )
    warned = opened(REQUEST).model_copy(update={"warnings": ("not_registered",)})
    first, last = timeline([filed(warned), filed(decided, 2)])
    assert first.warnings == ("not_registered",)
    assert (last.quota_bytes, last.max_file_size_bytes) == (15 * GB, GB)
    assert (last.exception_reason, last.on_behalf_of) == ("Disahkan juga.", "Pengarah")
    (given,) = last.endorsements
    assert (given.by, given.quota_bytes, given.exception_reason) == (
        OFFICER.name,
        7 * GB,
        "Disahkan.",
    )
    whole = filed(decided)
    for broken in (None, 7, [None], [{"approved": 1}], {}):
        tampered = {**whole.data, "endorsements": broken, "approved": broken, "warnings": broken}
        assert timeline([whole.model_copy(update={"data": tampered})])


def test_people_are_called_by_name_and_an_account_alone_is_kept_apart():
    first = received(REQUEST)
    own = first.model_copy(
        update={"submitted_by": Submitter(subject=REQUEST.applicant.account, role="applicant")}
    )
    office = first.model_copy(
        update={"submitted_by": Submitter(subject="office@example.my", role="administrator")}
    )
    (one,) = timeline([filed(own)])
    assert one.by == REQUEST.applicant.name
    (one,) = timeline([filed(office)])
    assert (one.by, one.by_account, one.by_role) == (None, "office@example.my", "administrator")
    registrar = first.model_copy(
        update={"submitted_by": Submitter(subject=OFFICER.subject, role="administrator")}
    )
    one, _ = timeline([filed(registrar), filed(approved(REQUEST), 2)])
    assert one.by == OFFICER.name  # the decision names them
