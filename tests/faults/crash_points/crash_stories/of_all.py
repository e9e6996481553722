"""What every service bears: poison, what nobody can read, defects of handlers, what a crash left."""

from eventually import eventually
from fixtures.samples import facts, received, withdrawal
from stage import PATIENCE, SUBSCRIBED, Stage

from bmt.chassis.messaging import republishing
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock
from bmt.contracts import topics

TOO_LARGE_TO_BURY = 1_048_480
"""Of the 1,048,588 bytes that Kafka takes: the reason does not fit in beside it."""


async def poison(stage: Stage) -> None:
    """Nothing that can be parsed, and a type that nobody knows."""
    topic = SUBSCRIBED[stage.service][0]
    unknown = {
        "ce_specversion": "1.0",
        "ce_id": "unknown",
        "ce_source": "/test",
        "ce_type": "my.gov.bmt.Unknown.v9",
        "content-type": "application/json",
    }
    places = [
        await stage.publish(topic, b"{not json"),
        await stage.publish(topic, b"{}", unknown, key="other"),
    ]
    await stage.buried(*places)


async def too_large(stage: Stage) -> None:
    """With its reason it is larger than the broker takes."""
    topic = SUBSCRIBED[stage.service][0]
    await stage.buried(await stage.publish(topic, b"x" * TOO_LARGE_TO_BURY))


async def unreadable(stage: Stage) -> None:
    """A client library fails at it; it is buried as it came."""
    await stage.buried(await stage.publish_undecodable(SUBSCRIBED[stage.service][0]))


async def left_behind(stage: Stage) -> None:
    """A commit that another process said, and died before it noted that."""
    with_events = {"events": {"$ne": []}, "outbox": None}
    commit = await stage.database.commits.find_one(with_events, sort=[("recorded_at", 1)])
    assert commit is not None
    mine = {"_id": commit["_id"]}
    await stage.database.commits.update_one(mine, {"$set": {"outbox": True}})

    async def delivered() -> None:
        assert "outbox" not in await stage.database.commits.find_one(mine)

    await eventually(delivered, PATIENCE)


async def published_again(stage: Stage) -> None:
    """An operator has everything published again."""
    jobs = Jobs(stage.database[republishing.COLLECTION])
    job = Job(clock.new_id(), "asked for", clock.now())
    await jobs.add(job)

    async def finished() -> None:
        (found,) = await jobs.find([job.id])
        assert found.finished_at is not None

    await eventually(finished, PATIENCE)


async def views_made_again(stage: Stage) -> None:
    """An operator has approval's worklist made again."""
    jobs = Jobs(stage.database[rebuilding.COLLECTION])
    await jobs.add(Job("reviews", "asked for", clock.now()))

    async def finished() -> None:
        (found,) = await jobs.find(["reviews"])
        assert found.finished_at is not None

    await eventually(finished, PATIENCE)


async def parked_reviews(stage: Stage) -> None:
    """A defect in the handler of one request: what follows queues, until it is mended."""
    request = facts()
    await stage.stumble(request.request_id)
    await stage.say(received(request))
    await stage.parked(1, tries=2)
    await stage.say(withdrawal(request), sequence=2)
    await stage.parked(2)
    await stage.stumble()
    await stage.incoming(topics.DECISIONS, request.request_id, "ReviewOpened", "Withdrawn")


async def given_up(stage: Stage) -> None:
    """An operator gives a parked event up; what queued behind it goes on."""
    request, other = facts(), facts()
    await stage.stumble(request.request_id)
    await stage.say(received(request))
    (first, *_) = await stage.parked(1)
    await stage.gives_up(first["_id"])
    await stage.stumble()
    await stage.say(received(other))
    await stage.incoming(topics.DECISIONS, other.request_id, "ReviewOpened")
