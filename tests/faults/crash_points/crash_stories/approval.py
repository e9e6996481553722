"""Approval: decisions of one, of two at once, of many; and a withdrawal."""

import asyncio

from crash_stories import of_all
from fixtures.samples import facts, received, withdrawal
from stage import Stage

from bmt.contracts import topics
from bmt.contracts.events import RequestFacts


async def decisions(stage: Stage) -> None:
    """Five requests, each decided once."""
    alone, raced, *bulk = requests = [facts() for _ in range(4)]
    left = facts()
    event_id = await stage.say(received(alone))
    await asyncio.gather(*(stage.say(received(each)) for each in (raced, *bulk, left)))
    await stage.say(received(alone), event_id=event_id)
    for each in requests:
        await stage.incoming(topics.DECISIONS, each.request_id, "ReviewOpened")
    await stage.say(withdrawal(left), sequence=2)
    answer, won, lost, many = await asyncio.gather(
        decide(stage, alone, "approve", "siti"),
        decide(stage, raced, "approve", "siti"),
        decide(stage, raced, "reject", "aminah"),
        decide_all(stage, bulk),
    )
    assert answer.status_code == 201, answer.text
    assert sorted([won.status_code, lost.status_code]) == [201, 409], (won.text, lost.text)
    assert [one["status"] for one in many.json()["results"]] == [201, 201], many.text
    first = "Approved" if won.status_code == 201 else "Rejected"
    for each in (alone, *bulk):
        await stage.incoming(topics.DECISIONS, each.request_id, "ReviewOpened", "Approved")
    await stage.incoming(topics.DECISIONS, raced.request_id, "ReviewOpened", first)
    await stage.incoming(topics.DECISIONS, left.request_id, "ReviewOpened", "Withdrawn")


async def decide(stage: Stage, request: RequestFacts, decision: str, officer: str):
    path = f"/v1/requests/{request.request_id}/decision"
    body = {"decision": decision, "reason": "Sebab."}
    return await stage.call("POST", path, "administrator", "MAMPU", officer, json=body)


async def decide_all(stage: Stage, requests: list[RequestFacts]):
    items = [{"request_id": each.request_id, "decision": "approve"} for each in requests]
    return await stage.call(
        "POST", "/v1/decisions", "administrator", "MAMPU", "zainab", json={"items": items}
    )


STORIES = (
    decisions,
    of_all.poison,
    of_all.parked_reviews,
    of_all.given_up,
    of_all.left_behind,
    of_all.published_again,
    of_all.views_made_again,
)
