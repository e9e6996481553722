"""Which fields go with which decision, and what can be granted."""

import pytest
from decider_specification import given
from fixtures.samples import GB, facts
from pydantic import ValidationError
from reviews import MAMPU, REQUEST, approved, decide, opened, rejected, returned

from bmt.contracts.http.approval import Ruling
from services.approval.domain.errors import FieldsWrong, QuotaExceedsMaximum
from services.approval.domain.policy import Policy
from services.approval.domain.review_rules import DECIDER

WARNINGS = ("not_serving", "open_request_exists")


def wrong_fields(decision: str, request=REQUEST, **fields) -> list[str]:
    command = decide(decision, **fields)
    refused = given(DECIDER, opened(request)).when(command).then_refused(FieldsWrong)
    return [fault.pointer for fault in refused.errors]


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


def test_what_was_asked_is_held_to_the_maximum_of_today():
    lowered = Policy(largest_quota_bytes=GB, largest_file_bytes=2 * GB)
    given(DECIDER, opened()).when(decide("approve", policy=lowered)).then_refused(
        QuotaExceedsMaximum, maximum=GB
    )


def test_an_agency_without_rules_may_grant_what_was_asked_and_no_more():
    given(DECIDER, opened()).when(decide("approve", policy=Policy())).then(approved())
    more = decide("approve", policy=Policy(), quota_bytes=10 * GB + 1)
    given(DECIDER, opened()).when(more).then_refused(QuotaExceedsMaximum, maximum=10 * GB)
    assert wrong_fields("approve", policy=Policy(), max_file_size_bytes=GB + 1)


def test_warnings_do_not_stand_in_the_way_of_a_rejection():
    command = decide("reject", reason="Tidak lengkap")
    given(DECIDER, opened(warnings=WARNINGS)).when(command).then(rejected())


def test_warnings_are_those_of_the_last_correction():
    before = (opened(warnings=WARNINGS), returned(), opened())
    given(DECIDER, *before).when(decide("approve")).then(approved())


def test_an_application_that_names_no_sizes_is_granted_none():
    silent = facts(quota_bytes=None, max_file_size_bytes=None)
    given(DECIDER, opened(silent)).when(decide("approve", policy=MAMPU)).then(approved(silent))
