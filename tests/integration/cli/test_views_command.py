"""`bmt views rebuild` beside a running service, and where it cannot be done."""

import json

import pytest
from eventually import eventually
from fixtures.samples import facts, received

from bmt.chassis.runtime.mongodb import connect
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
async def own(mongodb, surroundings):
    """Approval's own database."""
    client = connect(mongodb)
    yield client[f"{surroundings.name}_approval"]
    client.close()


@pytest.fixture
def rebuild(bmt, surroundings):
    """`await rebuild("approval", "reviews")`: what the command answers."""

    async def run(*arguments, **changes):
        changes = {"BMT_DATABASE_PREFIX": f"{surroundings.name}_", **changes}
        return await bmt("views", "rebuild", *arguments, **changes)

    return run


async def test_a_running_service_makes_its_views_again_and_answers_meanwhile(
    running, wire, own, rebuild, as_
):
    requests = [facts(), facts()]
    async with running(build, Settings) as client:
        for each in requests:
            await wire.say(received(each))

        async def reviewed():
            assert await own.reviews.count_documents({}) == len(requests)

        await eventually(reviewed, 20)
        before = await own.reviews.find({}, {"_revision": 0}).sort("_id").to_list(None)
        await own.reviews.update_one({"_id": before[0]["_id"]}, {"$set": {"justification": "?"}})
        await own.reviews.delete_one({"_id": before[1]["_id"]})

        answer = await rebuild("approval", "reviews", "--json")

        assert (answer.code, answer.err) == (0, "")
        counts = {"documents": 2, "left": 0, "finished": True}
        # The service runs in this process: what it logs stands before the answer.
        document = json.loads(answer.out[answer.out.index("{\n") :])
        assert document == {"services": {"approval": {"reviews": counts}}}
        after = await own.reviews.find({}, {"_revision": 0}).sort("_id").to_list(None)
        assert after == before
        decided = await client.post(
            f"/v1/requests/{requests[0].request_id}/decision",
            headers=as_("administrator", "MAMPU"),
            json={"decision": "approve"},
        )
        assert decided.is_success, decided.text
        shown = await client.get(
            f"/v1/requests/{requests[0].request_id}", headers=as_("administrator", "MAMPU")
        )
        assert shown.json()["status"] == "approved"

        every = await rebuild("approval")
        assert every.code == 0
        assert "approval reviews: 2 documents made again" in every.out.splitlines()
        unknown = await rebuild("approval", "review")
        assert unknown.code == 2
        assert "agency_rules, assignments, reviews, rules_in_force; not review" in " ".join(
            unknown.err.replace("│", " ").split()
        )

    late = await rebuild("approval", "reviews", "--wait", "0")
    assert late.code == 1
    assert late.out == "approval reviews: 0 documents made again, not done yet\n"
    assert late.err == "bmt: not done yet: approval reviews (is it running?)\n"

    async with running(build, Settings):

        async def done():
            job = await own.rebuilding.find_one({"_id": "reviews"})
            assert (job["documents"], job["finished_at"] is not None) == (2, True)

        await eventually(done, 20)


async def test_a_view_that_is_new_is_filled_at_the_next_start(running, wire, own):
    async with running(build, Settings):
        await wire.say(received(facts()))

        async def reviewed():
            assert await own.reviews.count_documents({}) == 1

        await eventually(reviewed, 20)
    await own.reviews.delete_many({})
    await own.rebuilding.delete_many({})
    async with running(build, Settings):
        await eventually(reviewed, 20)


async def test_a_service_that_never_started_has_no_views_to_make_again(rebuild):
    answer = await rebuild("records")
    assert answer.code == 1
    assert answer.err == "bmt: records has named no views yet (was it ever started?)\n"
