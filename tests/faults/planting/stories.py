"""The stories: what happens to each request, and which border it touches."""

import asyncio
import json
import uuid
from typing import Any

from faults.planting.clients import GB, Clients, GaveUp, account, email, requested

APPROVE = {"decision": "approve", "exception_reason": "Disahkan dengan pemohon"}


async def run_all(clients: Clients) -> list[str]:
    """All stories side by side; what each that gave up was about."""
    told = await asyncio.gather(*(story(clients) for story in STORIES), return_exceptions=True)
    for each in told:
        if isinstance(each, Exception) and not isinstance(each, GaveUp):
            raise each
    return [str(each) for each in told if isinstance(each, GaveUp)]


async def _submit(clients: Clients, story: str, body: Any, key: str | None = None) -> str:
    path = "/v1/requests" if isinstance(body, dict) else "/v1/emails"
    action = "submit" if isinstance(body, dict) else "submit_email"
    call = await clients.call(story, action, "intake", path, body, key=key, until=201)
    return str(call.answer["request_id"])


async def _decide(clients: Clients, story: str, request_id: str, ruling: Any, **how: Any):
    return await clients.call(
        story,
        "decide",
        "approval",
        f"/v1/requests/{request_id}/decision",
        ruling,
        request_id=request_id,
        **how,
    )


async def _until(clients: Clients, story: str, request_id: str, *statuses: str, agency="MAMPU"):
    async def reached() -> None:
        known = await clients.get("intake", f"/v1/requests/{request_id}", agency)
        if known.get("status") not in statuses:
            await _papers(clients, story, request_id, agency)
            raise AssertionError(known)

    await clients.once(f"{story}: {request_id} is not {statuses}", reached)


async def _at_approval(clients: Clients, story: str, request_id: str, status: str) -> None:
    """Return once approval shows this status: until it has heard of a change it shows the last one."""

    async def shown() -> bool:
        known = await clients.get("approval", f"/v1/requests/{request_id}")
        return known.get("status") == status

    await clients.once(story, shown)


async def _papers(clients: Clients, story: str, request_id: str, agency: str) -> None:
    told = await clients.get("notification", f"/v1/requests/{request_id}/notifications", agency)
    for notice in told.get("items", ()):
        if notice["status"] == "prepared" and notice["channel"] != "email":
            await clients.call(
                story,
                "dispatch",
                "notification",
                f"/v1/notifications/{notice['notification_id']}/dispatch",
                {"note": "Diserahkan"},
                key=f"dispatch-{notice['notification_id']}",
                agency=agency,
                request_id=request_id,
            )


async def retried_and_upgraded(clients: Clients) -> None:
    """The same POST three times; filed; then the same account asks for more, with one body twice."""
    whose, key = account(), str(uuid.uuid4())
    await clients.register(whose)
    body = requested(whose)
    for _ in range(3):
        request_id = await _submit(clients, "upgraded", body, key)
    # The same key with another body is another intention: refused.
    await clients.call(
        "upgraded", "submit", "intake", "/v1/requests", requested(whose, quota_bytes=GB), key=key
    )
    await _decide(clients, "upgraded", request_id, APPROVE)
    await _until(clients, "upgraded", request_id, "filed")
    second = await _submit(clients, "upgraded", requested(whose, quota_bytes=8 * GB))
    await _decide(clients, "upgraded", second, APPROVE)
    await _until(clients, "upgraded", second, "filed")


async def by_email(clients: Clients) -> None:
    """An e-mail with the labelled lines."""
    whose = account()
    await clients.register(whose)
    request_id = await _submit(clients, "email", email(whose))
    await _decide(clients, "email", request_id, APPROVE | {"quota_bytes": 3 * GB})
    await _until(clients, "email", request_id, "filed")


async def ended(clients: Clients) -> None:
    """Given and taken away again, on paper."""
    whose = account()
    await clients.register(whose)
    paper = {"channel": "memo", "reply_through": "memo"}
    first = await _submit(clients, "ended", requested(whose, **paper))
    await _decide(clients, "ended", first, APPROVE)
    await _until(clients, "ended", first, "filed")
    last = await _submit(clients, "ended", requested(whose, kind="termination"))
    await _decide(clients, "ended", last, APPROVE)
    await _until(clients, "ended", last, "filed")


async def raced(clients: Clients) -> None:
    """Two administrators at the same moment, several times."""
    for number in range(4):
        whose, story = account(), f"race-{number}"
        await clients.register(whose)
        request_id = await _submit(clients, story, requested(whose))
        await _at_approval(clients, story, request_id, "received")
        await asyncio.gather(
            _decide(clients, story, request_id, APPROVE, by="one"),
            _decide(
                clients, story, request_id, {"decision": "reject", "reason": "Tidak"}, by="two"
            ),
        )
        await _until(clients, story, request_id, "filed")


async def withdrawn(clients: Clients) -> None:
    """Withdrawn, and then an administrator approves all the same."""
    whose = account()
    await clients.register(whose)
    request_id = await _submit(clients, "withdrawn", requested(whose))
    await clients.call(
        "withdrawn",
        "withdraw",
        "intake",
        f"/v1/requests/{request_id}/withdrawal",
        {"reason": "Tidak perlu"},
        request_id=request_id,
    )
    await _until(clients, "withdrawn", request_id, "withdrawn", "notified", "filed")
    await _decide(clients, "withdrawn", request_id, APPROVE)
    await _until(clients, "withdrawn", request_id, "filed")


async def corrected(clients: Clients) -> None:
    """Returned, corrected, rejected."""
    whose = account()
    await clients.register(whose)
    request_id = await _submit(clients, "corrected", requested(whose))
    await _decide(clients, "corrected", request_id, {"decision": "return", "reason": "Kuota?"})
    await _until(clients, "corrected", request_id, "returned")
    await clients.call(
        "corrected",
        "correct",
        "intake",
        f"/v1/requests/{request_id}/correction",
        requested(whose, quota_bytes=2 * GB),
        request_id=request_id,
        until=201,
    )
    await _until(clients, "corrected", request_id, "received")
    await _at_approval(clients, "corrected", request_id, "received")
    await _decide(clients, "corrected", request_id, {"decision": "reject", "reason": "Tidak"})
    await _until(clients, "corrected", request_id, "filed")


async def by_event(clients: Clients) -> None:
    """An integrator's submission, twice under one id, and two records that nobody can read."""
    whose, reference = account(), f"HR/{uuid.uuid4()}"
    await clients.register(whose)
    asked = {k: v for k, v in requested(whose).items() if k != "channel"}
    value = json.dumps(asked | {"source_reference": reference}).encode()
    event = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_source": "/hrmis",
        "ce_type": "my.gov.bmt.RequestSubmitted.v1",
        "content-type": "application/json",
    }
    for _ in range(2):
        await clients.publish("event", "submit_event", event["ce_id"], value, **event)
    for number in range(3):
        bad = event | {"ce_id": str(uuid.uuid4())}
        await clients.publish(f"poison-{number}", "poison", bad["ce_id"], b'{"kind": ' * 5, **bad)

    async def listed() -> str:
        found = await clients.get("approval", "/v1/worklist?limit=200")
        ids = [
            i["request_id"] for i in found.get("items", ()) if i["applicant"]["account"] == whose
        ]
        assert ids
        return str(ids[0])

    request_id = await clients.once("event", listed)
    await _decide(clients, "event", request_id, APPROVE)
    await _until(clients, "event", request_id, "filed")


async def by_hand(clients: Clients) -> None:
    """JPA: an officer sets IPMS by hand and shows it."""
    whose = account("jpa")
    await clients.register(whose)
    call = await clients.call(
        "hand", "submit", "intake", "/v1/requests", requested(whose, agency="JPA"), agency="JPA"
    )
    request_id = str(call.answer["request_id"])
    await _decide(clients, "hand", request_id, APPROVE, agency="JPA")
    evidence = await clients.upload("hand-evidence", "JPA")

    async def given() -> str:
        tasks = await clients.get("provisioning", "/v1/tasks?status=open&limit=200", "JPA")
        ids = [t["task_id"] for t in tasks.get("items", ()) if t["request_id"] == request_id]
        assert ids
        return str(ids[0])

    task_id = await clients.once("hand", given)
    await clients.call(
        "hand",
        "complete_task",
        "provisioning",
        f"/v1/tasks/{task_id}/completion",
        {"evidence": [evidence], "note": "Siap"},
        agency="JPA",
        request_id=request_id,
    )
    await _until(clients, "hand", request_id, "filed", agency="JPA")


STORIES = (
    retried_and_upgraded,
    by_email,
    ended,
    raced,
    withdrawn,
    corrected,
    by_event,
    by_hand,
)
