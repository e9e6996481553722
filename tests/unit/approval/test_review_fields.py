"""Which fields go with which decision, and what can be granted."""

import pytest
from decider_specification import given
from fixtures.samples import GB, facts
from pydantic import ValidationError
from reviews import MAMPU, REQUEST, TERMINATION, approved, decide, opened, rejected, returned

from bmt.contracts.events import Granted
from bmt.contracts.http.approval import Ruling
from services.approval.domain.errors import FieldsWrong, QuotaExceedsMaximum, WarningsNeedReason
from services.approval.domain.policy import Policy
from services.approval.domain.review_rules import DECIDER

WARNINGS = ("not_serving", "open_request_exists")


def wrong_fields(decision: str, request=REQUEST, **fields) -> list[str]:
    command = decide(decision, **fields)
    refused = given(DECIDER, opened(request)).when(command).then_refused(FieldsWrong)
    return [fault.pointer for fault in refused.errors]


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_a_refusal_needs_a_reason(decision):
    assert wrong_fields(decision) == ["/reason"]


@pytest.mark.parametrize("decision", ["reject", "return"])
@pytest.mark.parametrize("field", ["quota_bytes", "max_file_size_bytes", "exception_reason"])
def test_what_only_an_approval_takes_is_not_dropped_in_silence(decision, field):
    value = "Sementara" if field == "exception_reason" else GB
    assert wrong_fields(decision, reason="Tidak lengkap", **{field: value}) == [f"/{field}"]


def test_all_wrong_fields_are_named_at_once():
    fields = wrong_fields("reject", quota_bytes=1, max_file_size_bytes=1)
    assert fields == ["/reason", "/quota_bytes", "/max_file_size_bytes"]


def test_a_blank_reason_is_none():
    with pytest.raises(ValidationError):
        Ruling(decision="reject", reason="  ")


def test_an_approval_may_have_a_reason():
    given(DECIDER, opened()).when(decide("approve", reason="Projek khas")).then(
        approved(reason="Projek khas")
    )


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ({"quota_bytes": 3}, (3, GB)),
        ({"max_file_size_bytes": 3}, (10 * GB, 3)),
        ({"quota_bytes": 100 * GB, "max_file_size_bytes": 2 * GB}, (100 * GB, 2 * GB)),
    ],
)
def test_an_administrator_may_grant_other_sizes_up_to_the_agencys_limits(asked, granted):
    quota_bytes, max_file_size_bytes = granted
    expected = Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)
    given(DECIDER, opened()).when(decide("approve", **asked)).then(approved(approved=expected))


def test_no_quota_above_the_agencys_maximum():
    command = decide("approve", quota_bytes=100 * GB + 1)
    refused = (
        given(DECIDER, opened()).when(command).then_refused(QuotaExceedsMaximum, maximum=100 * GB)
    )
    assert [fault.pointer for fault in refused.errors] == ["/quota_bytes"]


def test_what_was_asked_is_held_to_the_maximum_of_today():
    lowered = Policy(largest_quota_bytes=GB, largest_file_bytes=2 * GB)
    given(DECIDER, opened()).when(decide("approve", policy=lowered)).then_refused(
        QuotaExceedsMaximum, maximum=GB
    )


def test_no_file_above_the_agencys_largest():
    assert wrong_fields("approve", max_file_size_bytes=2 * GB + 1) == ["/max_file_size_bytes"]


def test_an_agency_without_rules_may_grant_what_was_asked_and_no_more():
    given(DECIDER, opened()).when(decide("approve", policy=Policy())).then(approved())
    more = decide("approve", policy=Policy(), quota_bytes=10 * GB + 1)
    given(DECIDER, opened()).when(more).then_refused(QuotaExceedsMaximum, maximum=10 * GB)
    assert wrong_fields("approve", policy=Policy(), max_file_size_bytes=GB + 1)


def test_a_termination_grants_nothing():
    nothing = Granted(quota_bytes=None, max_file_size_bytes=None)
    given(DECIDER, opened(TERMINATION)).when(decide("approve")).then(
        approved(TERMINATION, approved=nothing)
    )


def test_a_termination_takes_no_sizes():
    fields = wrong_fields("approve", TERMINATION, quota_bytes=1, max_file_size_bytes=1)
    assert fields == ["/quota_bytes", "/max_file_size_bytes"]


def test_warnings_need_a_reason_to_be_approved():
    refused = (
        given(DECIDER, opened(warnings=WARNINGS))
        .when(decide("approve"))
        .then_refused(WarningsNeedReason, warnings=list(WARNINGS))
    )
    assert [fault.pointer for fault in refused.errors] == ["/exception_reason"]


def test_the_reason_for_an_exception_is_recorded():
    command = decide("approve", exception_reason="Pertukaran minggu depan")
    given(DECIDER, opened(warnings=WARNINGS)).when(command).then(
        approved(exception_reason="Pertukaran minggu depan")
    )


def test_an_ordinary_reason_is_not_an_exceptions():
    command = decide("approve", reason="Boleh")
    given(DECIDER, opened(warnings=WARNINGS)).when(command).then_refused(WarningsNeedReason)


def test_warnings_do_not_stand_in_the_way_of_a_rejection():
    command = decide("reject", reason="Tidak lengkap")
    given(DECIDER, opened(warnings=WARNINGS)).when(command).then(rejected())


def test_warnings_are_those_of_the_last_correction():
    before = (opened(warnings=WARNINGS), returned(), opened())
    given(DECIDER, *before).when(decide("approve")).then(approved())


def test_an_application_that_names_no_sizes_is_granted_none():
    silent = facts(quota_bytes=None, max_file_size_bytes=None)
    given(DECIDER, opened(silent)).when(decide("approve", policy=MAMPU)).then(approved(silent))
