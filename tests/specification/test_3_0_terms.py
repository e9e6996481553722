"""SOP 3.0, terms (*istilah-istilah*): what the service is, and who is a user of it.

Big Mail Transfer: "Perkhidmatan menghantar lampiran e-mel yang besar sehingga 2GB fail." It sends large e-mail attachments,
files of up to 2 GB. The SOP names the largest file and no quota: these are two sizes. 2 GB is read as 2,000,000,000 bytes.

User (*pengguna*): "Warga yang sedang berkhidmat di agensi yang didaftarkan di dalam sistem 1GovUC." A person serving at an
agency that is registered in 1GovUC. What the directory does not confirm is a warning, which a person considers.
"""

from dataclasses import replace

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, GB
from samples import RECEPTION, REVIEW, wrong_fields
from unit.approval.reviews import MAMPU, approved, decide, opened, rejected, returned
from unit.intake.submissions import ENABLED, SERVING, receive

from bmt.agencies import agency
from bmt.contracts.events import Granted, RequestReceived
from services.approval.domain import errors as deciding
from services.intake.domain.errors import SubmissionWrong
from services.intake.domain.submission import AccountStatus

# Big Mail Transfer: files of up to 2 GB.


def test_a_file_may_have_exactly_2_gb_and_not_one_byte_more():
    given(RECEPTION).when(receive(max_file_size_bytes=2 * GB)).then_one(RequestReceived)
    above = given(RECEPTION).when(receive(max_file_size_bytes=2 * GB + 1))
    assert wrong_fields(above.then_refused(SubmissionWrong)) == ["/max_file_size_bytes"]


def test_a_quota_is_another_size_and_has_the_agencys_maximum():
    given(RECEPTION).when(receive(quota_bytes=100 * GB)).then_one(RequestReceived)
    above = given(RECEPTION).when(receive(quota_bytes=100 * GB + 1))
    refused = above.then_refused(SubmissionWrong, maximum=100 * GB)
    assert (refused.problem, wrong_fields(refused)) == ("quota_exceeds_maximum", ["/quota_bytes"])


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ({"quota_bytes": 3}, (3, GB)),
        ({"max_file_size_bytes": 3}, (10 * GB, 3)),
        ({"quota_bytes": 100 * GB, "max_file_size_bytes": 2 * GB}, (100 * GB, 2 * GB)),
    ],
    ids=["a smaller quota", "a smaller file", "both as large as the agency allows"],
)
def test_an_administrator_may_grant_other_sizes_up_to_the_agencys_limits(asked, granted):
    quota_bytes, max_file_size_bytes = granted
    expected = Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)
    given(REVIEW, opened()).when(decide("approve", **asked)).then(approved(approved=expected))


def test_nobody_grants_more_than_the_agencys_limits():
    larger = given(REVIEW, opened()).when(decide("approve", max_file_size_bytes=2 * GB + 1))
    assert wrong_fields(larger.then_refused(deciding.FieldsWrong)) == ["/max_file_size_bytes"]
    more = given(REVIEW, opened()).when(decide("approve", quota_bytes=100 * GB + 1))
    refused = more.then_refused(deciding.QuotaExceedsMaximum, maximum=100 * GB)
    assert wrong_fields(refused) == ["/quota_bytes"]


# A user: serving, and registered.


@pytest.mark.parametrize(
    ("known", "warnings"),
    [
        ({"standing": SERVING}, ()),
        ({"standing": ENABLED}, ("already_active",)),
        ({"standing": AccountStatus(registered=True)}, ("not_serving",)),
        ({"standing": AccountStatus(registered=False)}, ("not_registered",)),
        (
            {"standing": None, "open_elsewhere": True},
            ("directory_unavailable", "open_request_exists"),
        ),
    ],
    ids=[
        "serving: no warning",
        "has the service already",
        "not serving",
        "not registered",
        "the directory does not answer, and another request is open",
    ],
)
def test_who_is_not_serving_or_not_registered_is_received_with_a_warning(known, warnings):
    given(RECEPTION).when(receive(**known)).then_one(RequestReceived, warnings=warnings)


def test_a_request_with_warnings_is_approved_only_as_an_exception_with_its_reason():
    warnings, reason = ("not_serving", "open_request_exists"), "Pertukaran minggu depan"
    review = given(REVIEW, opened(warnings=warnings))
    for ruling in (decide("approve"), decide("approve", reason="Boleh")):
        refused = review.when(ruling).then_refused(
            deciding.WarningsNeedReason, warnings=list(warnings)
        )
        assert wrong_fields(refused) == ["/exception_reason"]
    review.when(decide("approve", exception_reason=reason)).then(approved(exception_reason=reason))


def test_another_agencys_account_is_never_approved():
    """Its agency may have claimed the account after the request was received."""
    claims = agency.claims_of([("MAMPU", ()), ("JPA", (APPLICANT.account.upper(),))])
    review, policy = given(REVIEW, opened()), replace(MAMPU, claims=claims)
    review.when(decide("approve", policy=policy)).then_refused(deciding.AccountOfOtherAgency)
    review.when(decide("reject", reason="Tidak lengkap", policy=policy)).then(rejected())
    review.when(decide("return", reason="Tidak lengkap", policy=policy)).then(returned())
