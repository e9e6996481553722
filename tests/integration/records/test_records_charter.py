"""The client charter's figures over HTTP: filled from the topics, by whom they may be seen, and made again from records' own commits."""

from datetime import timedelta

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import APPLICANT, MONDAY, facts, received

pytestmark = pytest.mark.integration

LONG_AGO = MONDAY - timedelta(days=2000)
DAY = {"from": LONG_AGO.date().isoformat(), "to": LONG_AGO.date().isoformat()}


def way_of(request):
    due = {"due_at": request.received_at + timedelta(days=3)}
    at = {"decided_at": request.received_at + timedelta(hours=3)}
    return [
        received(request, documents=()),
        opened(request).model_copy(update=due),
        approved(request, **at),
        configured(request, configured_at=at["decided_at"]),
        notified(request, "configured"),
    ]


@pytest.fixture
def charter(records, as_):
    async def charter(*who, **asked):
        return await records.get("/v1/charter", params={**DAY, **asked}, headers=as_(*who))

    return charter


async def test_the_figures_follow_the_topics_and_each_sees_what_is_theirs(charter, say, own):
    whole = facts(agency="KPM", received_at=LONG_AGO)
    undecided = facts(agency="MAMPU", channel="memo", received_at=LONG_AGO)
    await say(numbered(*way_of(whole)))
    await say(numbered(*way_of(undecided)[:2]))

    async def all_of_them():
        answer = await charter("operator", "")
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert (made["requests"], sum(one["notify"]["kept"] for one in made["agencies"])) == (2, 1)
        return made

    made = await eventually(all_of_them, 45)
    decide, configure, notify = made["steps"]
    assert (decide["kept"], decide["overdue"], decide["kept_percent"]) == (1, 1, 50.0)
    assert (decide["median_seconds"], configure["median_seconds"]) == (3 * 3600, 0)
    assert (configure["kept"], notify["kept"]) == (1, 1)
    assert [one["agency"] for one in made["agencies"]] == ["KPM", "MAMPU"]
    assert APPLICANT.name not in str(made)
    assert APPLICANT.account not in str(made)

    mine = (await charter("administrator", "MAMPU")).json()
    assert (mine["agency"], mine["requests"], mine["agencies"]) == ("MAMPU", 1, [])
    assert [one["channel"] for one in mine["channels"]] == ["memo"]
    assert (await charter("auditor", "", agency="KPM")).json()["steps"][1]["kept"] == 1
    assert (await charter("auditor", "KPM")).json()["requests"] == 1
    assert_problem(await charter("administrator", "MAMPU", agency="KPM"), "not_found")
    assert_problem(await charter("auditor", "JPA", agency="KPM"), "not_found")
    assert_problem(await charter("administrator", ""), "not_found")
    assert_problem(await charter("applicant", "KPM"), "forbidden")
    assert await own.commits.count_documents({"stream": {"$regex": "^search-"}}) == 0


async def test_a_period_that_is_none_is_refused_with_its_field(charter):
    backwards = await charter("operator", "", **{"from": "2026-02-01", "to": "2026-01-31"})
    assert pointers(assert_problem(backwards, "validation_failed")) == {"/query/from"}
    no_day = await charter("operator", "", to="semalam")
    assert pointers(assert_problem(no_day, "validation_failed")) == {"/query/to"}
