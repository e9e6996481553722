"""SOP 4.2.1, the service is terminated (*penamatan*): the same four steps.

1. "Pentadbir UC Agensi menerima permohonan penamatan perkhidmatan BMT melalui e-mel / memo / surat / borang (tertakluk
   kepada agensi)." The agency UC administrator receives the request to terminate by e-mail, memo, letter or form.
2. "Pentadbir UC Agensi meluluskan permohonan." The administrator approves it.
3. "Pentadbir UC Agensi membuat konfigurasi di IPMS Admin Portal." The administrator makes the configuration in IPMS.
4. "Pentadbir UC Agensi memaklumkan status permohonan melalui e-mel / memo / surat / borang (tertakluk kepada agensi)."
   The administrator notifies the user of the request's status by e-mail, memo, letter or form.

What 4.1.1 specifies of each step holds for a termination as well. Here is what differs.
"""

import pytest
from decider_specification import given
from samples import CONFIGURATION, CORRESPONDENCE, RECEPTION, REVIEW, wrong_fields
from unit.approval import reviews
from unit.intake.submissions import ENABLED, SERVING, receive
from unit.notification import notices
from unit.provisioning import orders

from bmt.contracts.events import ConfigurationFailed, Granted, RequestReceived
from services.approval.domain.errors import FieldsWrong
from services.intake.domain.submission import AccountStatus
from services.provisioning.domain.order import NOTHING_IN_FORCE


@pytest.mark.parametrize("channel", ["memo", "letter", "form"])
def test_step_1_a_termination_is_received_by_the_same_channels_and_asks_for_no_sizes(channel):
    command = receive(kind="termination", channel=channel, quota_bytes=10**15)
    request = given(RECEPTION).when(command).then_one(RequestReceived).request
    assert (request.kind, request.channel) == ("termination", channel)
    assert (request.quota_bytes, request.max_file_size_bytes) == (None, None)


@pytest.mark.parametrize(
    ("standing", "warnings"),
    [
        (ENABLED, ()),
        (SERVING, ("no_active_service",)),
        (AccountStatus(registered=False), ("not_registered", "no_active_service")),
        (None, ("directory_unavailable",)),
    ],
    ids=["active: no warning", "not active", "not registered", "the directory does not answer"],
)
def test_step_1_a_termination_of_what_is_not_active_is_received_with_a_warning(standing, warnings):
    command = receive(kind="termination", standing=standing)
    given(RECEPTION).when(command).then_one(RequestReceived, warnings=warnings)


def test_step_2_the_approval_of_a_termination_grants_nothing():
    review = given(REVIEW, reviews.opened(reviews.TERMINATION))
    nothing = Granted(quota_bytes=None, max_file_size_bytes=None)
    granted = reviews.approved(reviews.TERMINATION, approved=nothing)
    review.when(reviews.decide("approve")).then(granted)
    sizes = reviews.decide("approve", quota_bytes=1, max_file_size_bytes=1)
    refused = review.when(sizes).then_refused(FieldsWrong)
    assert wrong_fields(refused) == ["/quota_bytes", "/max_file_size_bytes"]


def test_step_3_a_termination_is_configured_only_when_nothing_is_in_force_any_more():
    ending = given(
        CONFIGURATION, orders.due(orders.TERMINATION), orders.started(orders.TERMINATION)
    )
    ending.when(orders.record(NOTHING_IN_FORCE)).then(orders.configured(orders.TERMINATION))
    still_on = ending.when(orders.record(orders.ON))
    still_on.then_one(ConfigurationFailed, target="ipms", retryable=True)


def test_step_4_the_user_learns_once_that_the_service_is_terminated():
    before, terminated = notices.ACKNOWLEDGED, notices.due(notices.notice("terminated"))
    given(CORRESPONDENCE, before).when(notices.tell("terminated")).then(terminated)
    given(CORRESPONDENCE, before, terminated).when(notices.tell("terminated")).then_nothing()
