"""Provisioning before targets that allow few calls: no more are made, and all work is done."""

import time
from itertools import pairwise

import pytest
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts
from fixtures.scim_server import ScimServer, user

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import Granted

pytestmark = pytest.mark.integration

A_SECOND = 5
MANY = 6


class Busy(ScimServer):
    """Remembers when it was called; asks to wait a second at first."""

    def __init__(self, *users):
        super().__init__(*users)
        self.called_at = []

    def _answer(self, call):
        self.called_at.append(time.monotonic())
        if len(self.called_at) == 1:
            return 429, {"Retry-After": "1"}, b""
        return super()._answer(call)


async def test_a_wave_of_requests_is_configured_at_the_pace_that_a_target_allows(
    provisioning, wire
):
    accounts = [f"u{clock.new_id()[-12:]}.mampu@mygovuc.gov.my" for _ in range(MANY)]
    requests = [
        facts(applicant=APPLICANT.model_copy(update={"account": account})) for account in accounts
    ]
    granted = Granted(quota_bytes=5000, max_file_size_bytes=2000)
    ipms = Busy(*map(user, accounts))
    with ipms.serving():
        async with provisioning(ipms_url=ipms.url, ipms_calls_a_second=A_SECOND):
            for request in requests:
                said = approved(request, approved=granted, decided_at=clock.now())
                await wire.say(said, sequence=2)
            for request in requests:
                names = ("ConfigurationStarted", "Configured")
                await wire.hear(topics.CONFIGURATIONS, request.request_id, *names)

    first, second, *_ = ipms.called_at
    assert second - first >= 1
    assert sorted(ipms.patched) == sorted(accounts)
    apart = [after - before for before, after in pairwise(ipms.called_at)]
    assert sum(pause < 0.8 / A_SECOND for pause in apart) <= 1
    assert len(apart) / (ipms.called_at[-1] - first) <= A_SECOND
