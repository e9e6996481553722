"""The look at many accounts at once says what the look at one request says."""

import random
from datetime import timedelta

import pytest
from fixtures.samples import APPLICANT, facts
from orders import due, started
from test_configuration_views import incoming, projection

from services.provisioning import queries, views
from services.provisioning.queries import Turn, Turns


def order(milliseconds, account):
    applicant = APPLICANT.model_copy(update={"account": account})
    first = due(facts(applicant=applicant))
    at = first.decided_at + timedelta(milliseconds=milliseconds, microseconds=7)
    return first.model_copy(update={"decided_at": at})


@pytest.mark.parametrize("most_found", [2, 1_000])
async def test_turns_are_those_of_the_requests_one_by_one(most_found, monkeypatch):
    monkeypatch.setattr(queries, "MOST_FOUND", most_found)
    dice = random.Random(4)
    view = projection(views.CONFIGURATIONS)
    accounts = ("Ahmad@mampu.gov.my", "ahmad@mampu.gov.my", "siti@mampu.gov.my")
    orders = [order(dice.randrange(3), dice.choice(accounts)) for _ in range(12)]
    for each in orders:
        more = [started(each.request)] if dice.random() < 0.4 else []
        await view.apply(incoming(each, *more))
    expected = [
        Turn(await queries.must_wait(view, each), await queries.overtaken(view, each))
        for each in orders
    ]
    looked = Turns(view)

    assert await looked.of(orders) == expected
    assert len(set(expected)) > 1
